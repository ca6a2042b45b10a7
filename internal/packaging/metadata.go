package packaging

// Metadata is the core metadata of a release from one file or one upload form. Its values are not validated; see Check.
// Absent and empty values are the same. The JSON names are those of the upload form; they are used in the database and
// in the legacy JSON API.
type Metadata struct {
	MetadataVersion        string   `json:"metadata_version,omitempty"`
	Name                   string   `json:"name,omitempty"`
	Version                string   `json:"version,omitempty"`
	Summary                string   `json:"summary,omitempty"`
	Description            string   `json:"description,omitempty"`
	DescriptionContentType string   `json:"description_content_type,omitempty"`
	Keywords               string   `json:"keywords,omitempty"`
	HomePage               string   `json:"home_page,omitempty"`
	DownloadURL            string   `json:"download_url,omitempty"`
	Author                 string   `json:"author,omitempty"`
	AuthorEmail            string   `json:"author_email,omitempty"`
	Maintainer             string   `json:"maintainer,omitempty"`
	MaintainerEmail        string   `json:"maintainer_email,omitempty"`
	License                string   `json:"license,omitempty"`
	LicenseExpression      string   `json:"license_expression,omitempty"`
	RequiresPython         string   `json:"requires_python,omitempty"`
	ProjectURLs            []string `json:"project_urls,omitempty"`
	LicenseFiles           []string `json:"license_file,omitempty"`
	Classifiers            []string `json:"classifiers,omitempty"`
	Platforms              []string `json:"platform,omitempty"`
	SupportedPlatforms     []string `json:"supported_platform,omitempty"`
	RequiresDist           []string `json:"requires_dist,omitempty"`
	ProvidesDist           []string `json:"provides_dist,omitempty"`
	ObsoletesDist          []string `json:"obsoletes_dist,omitempty"`
	RequiresExternal       []string `json:"requires_external,omitempty"`
	Requires               []string `json:"requires,omitempty"`
	Provides               []string `json:"provides,omitempty"`
	Obsoletes              []string `json:"obsoletes,omitempty"`
	ProvidesExtra          []string `json:"provides_extra,omitempty"`
	Dynamic                []string `json:"dynamic,omitempty"`
	ImportNames            []string `json:"import_name,omitempty"`
	ImportNamespaces       []string `json:"import_namespace,omitempty"`
}

// StaticDependencies reports whether every wheel built from a source distribution has the same metadata, so that it can
// be served in place of a wheel's. That is so if it declares PEP 643 (Metadata-Version 2.2 or later) and has no Dynamic
// field. A field that is Dynamic may be changed in a wheel, and since version 2.6 only extended (PEP 808); neither is
// static.
func (m Metadata) StaticDependencies() bool {
	v, ok := parseMetadataVersion(m.MetadataVersion)
	return ok && v.major == 2 && !v.before(v22) && len(m.Dynamic) == 0
}

// Decides reports whether installers take the dependencies of a file of this kind from its metadata: those of a wheel,
// and those of a source distribution since Metadata-Version 2.2 (PEP 643). An older source distribution is built to
// learn them.
func (m Metadata) Decides(kind Kind) bool { return decides(kind, m.MetadataVersion) }

func decides(kind Kind, version string) bool {
	v, ok := parseMetadataVersion(version)
	return kind != SDist || ok && !v.before(v22)
}
