package packaging

// Rules says what Metadata.Check refuses beyond what it always does. Each switch is one strictness of PyPI's; the zero
// Rules take whatever the public index serves and pip installs, which is what teams bring to an index of their own.
type Rules struct {
	KnownMetadataVersions bool // a Metadata-Version that PyPI does not know
	FieldVersions         bool // a field newer than the declared Metadata-Version
	LocalVersions         bool // a version with a local part, 1.0+cu121
	DirectURLs            bool // Requires-Dist, Provides-Dist, Obsoletes-Dist with a URL
	RequiresPython        bool // a Requires-Python that cannot be read; pip ignores such
	Extras                bool // a Provides-Extra that is no name
	OldDists              bool // Provides-Dist and Obsoletes-Dist that are no requirements
	// License beside License-Expression; an expression that is none (identifiers by shape: no list of them is kept)
	License      bool
	LicenseFiles bool // License-File that is no plain relative path
	Classifiers  bool // a classifier not of the form "A :: B", and "Private :: …" (no list of them is kept)
	ContentType  bool // a Description-Content-Type that PyPI does not render
	Summary512   bool // a summary of several lines or more than 512 characters
	Links        bool // Home-page and Download-URL that are no http or https URL
	ProjectURLs  bool // Project-URL that is not "Label, URL", or with a label of over 32 characters or used twice
	Emails       bool // an author's or maintainer's first address that is none
	Dynamic      bool // Dynamic that names no field, or one that must be static
	Imports      bool // Import-Name and Import-Namespace that are no dotted identifiers
}

// PyPIRules are PyPI's own, all of them. PyPI holds them against the upload form and never against the file inside,
// where for example License-File under Metadata-Version 2.1 is common: clients leave such fields out of the form.
func PyPIRules() Rules {
	return Rules{
		KnownMetadataVersions: true, FieldVersions: true, LocalVersions: true, DirectURLs: true, RequiresPython: true,
		Extras: true, OldDists: true, License: true, LicenseFiles: true, Classifiers: true, ContentType: true,
		Summary512: true, Links: true, ProjectURLs: true, Emails: true, Dynamic: true, Imports: true,
	}
}
