package packaging

// Metadata is a release's core metadata as one file or one upload form states it, unchecked except for its form.
// Absent and empty are the same. The JSON names are those of the upload form, for rows and for legacy JSON.
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

// StaticDependencies reports whether a source distribution's metadata will also be that of every wheel built from it,
// so that it may be served in the place of a wheel's: it declares PEP 643 (Metadata-Version 2.2 or later) and no field
// Dynamic.
func (m Metadata) StaticDependencies() bool {
	v, ok := parseMetadataVersion(m.MetadataVersion)
	return ok && v.major == 2 && !v.before(v22) && len(m.Dynamic) == 0
}
