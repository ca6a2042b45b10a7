package packaging

// Rules specifies what Metadata.Check rejects beyond its fixed requirements. Each switch is one of PyPI's restrictions.
// The zero Rules accept whatever PyPI serves and pip installs, which is what teams import into their own index.
type Rules struct {
	KnownMetadataVersions bool // a Metadata-Version that PyPI does not know
	FieldVersions         bool // a field newer than the declared Metadata-Version
	LocalVersions         bool // a version with a local part, 1.0+cu121
	DirectURLs            bool // Requires-Dist, Provides-Dist, Obsoletes-Dist with a URL
	RequiresPython        bool // an invalid Requires-Python, which pip ignores
	Requirements          bool // a Requires-Dist that pip does not read, also if uv does
	Extras                bool // a Provides-Extra that is not a valid name
	OldDists              bool // Provides-Dist and Obsoletes-Dist that are not requirements
	// License rejects License beside License-Expression, and invalid expressions. Identifiers are checked by form only.
	License      bool
	LicenseFiles bool // License-File that is not a plain relative path
	Classifiers  bool // a classifier not of the form "A :: B", and "Private :: …" (checked by form only)
	ContentType  bool // a Description-Content-Type that PyPI does not render
	Summary512   bool // a summary of several lines or more than 512 characters
	Links        bool // Home-page and Download-URL that are not http or https URLs
	ProjectURLs  bool // Project-URL that is not "Label, URL", or with a label of over 32 characters or used twice
	Emails       bool // an invalid first address of an author or maintainer
	// Dynamic rejects Dynamic of an unknown field, of one that must be static, and of one with a value that no wheel can
	// extend.
	Dynamic bool
	Imports bool // Import-Name and Import-Namespace that are not dotted identifiers

	// Legacy accepts more than the zero Rules: absent required fields, and requirements that no installer reads. It is for
	// files that another index served and whose names are right.
	Legacy bool
}

// PyPIRules returns all of PyPI's restrictions. PyPI applies them to the upload form and never to the file inside, in
// which for example License-File under Metadata-Version 2.1 is common: clients omit such fields from the form.
func PyPIRules() Rules {
	return Rules{
		KnownMetadataVersions: true, FieldVersions: true, LocalVersions: true, DirectURLs: true, RequiresPython: true,
		Requirements: true, Extras: true, OldDists: true, License: true, LicenseFiles: true, Classifiers: true,
		ContentType: true,
		Summary512:  true, Links: true, ProjectURLs: true, Emails: true, Dynamic: true, Imports: true,
	}
}
