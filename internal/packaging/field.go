package packaging

import "strings"

// field is a core metadata field: its names in files and forms, the metadata version that introduced it, and its place
// in Metadata. Exactly one of one and many is set.
type field struct {
	header string // in lower case
	form   string
	alias  string // another spelling that clients send
	since  metadataVersion
	one    func(*Metadata) *string
	many   func(*Metadata) *[]string
}

// exact reports whether the field affects installation. Such a field must not contain invalid UTF-8 and must not be
// repeated if it has a single value.
func (f field) exact() bool {
	switch f.header {
	case "metadata-version", "name", "version", "requires-python", "requires-dist", "provides-extra":
		return true
	}
	return false
}

// fields are in the order in which problems are reported: the three required fields, then the others by header.
var fields = []field{
	{
		header: "metadata-version", form: "metadata_version", since: v10,
		one: func(m *Metadata) *string { return &m.MetadataVersion },
	},
	{header: "name", form: "name", since: v10, one: func(m *Metadata) *string { return &m.Name }},
	{header: "version", form: "version", since: v10, one: func(m *Metadata) *string { return &m.Version }},
	{header: "author", form: "author", since: v10, one: func(m *Metadata) *string { return &m.Author }},
	{header: "author-email", form: "author_email", since: v10, one: func(m *Metadata) *string { return &m.AuthorEmail }},
	{header: "classifier", form: "classifiers", since: v11, many: func(m *Metadata) *[]string { return &m.Classifiers }},
	{header: "description", form: "description", since: v10, one: func(m *Metadata) *string { return &m.Description }},
	{
		header: "description-content-type", form: "description_content_type", since: v21,
		one: func(m *Metadata) *string { return &m.DescriptionContentType },
	},
	{header: "download-url", form: "download_url", since: v11, one: func(m *Metadata) *string { return &m.DownloadURL }},
	{header: "dynamic", form: "dynamic", since: v22, many: func(m *Metadata) *[]string { return &m.Dynamic }},
	{header: "home-page", form: "home_page", since: v10, one: func(m *Metadata) *string { return &m.HomePage }},
	{
		header: "import-name", form: "import_name", alias: "import_names", since: v25,
		many: func(m *Metadata) *[]string { return &m.ImportNames },
	},
	{
		header: "import-namespace", form: "import_namespace", alias: "import_namespaces", since: v25,
		many: func(m *Metadata) *[]string { return &m.ImportNamespaces },
	},
	{header: "keywords", form: "keywords", since: v10, one: func(m *Metadata) *string { return &m.Keywords }},
	{header: "license", form: "license", since: v10, one: func(m *Metadata) *string { return &m.License }},
	{
		header: "license-expression", form: "license_expression", since: v24,
		one: func(m *Metadata) *string { return &m.LicenseExpression },
	},
	{
		header: "license-file", form: "license_file", alias: "license_files", since: v24,
		many: func(m *Metadata) *[]string { return &m.LicenseFiles },
	},
	{header: "maintainer", form: "maintainer", since: v12, one: func(m *Metadata) *string { return &m.Maintainer }},
	{
		header: "maintainer-email", form: "maintainer_email", since: v12,
		one: func(m *Metadata) *string { return &m.MaintainerEmail },
	},
	{header: "obsoletes", form: "obsoletes", since: v11, many: func(m *Metadata) *[]string { return &m.Obsoletes }},
	{
		header: "obsoletes-dist", form: "obsoletes_dist", since: v12,
		many: func(m *Metadata) *[]string { return &m.ObsoletesDist },
	},
	{header: "platform", form: "platform", since: v10, many: func(m *Metadata) *[]string { return &m.Platforms }},
	{header: "project-url", form: "project_urls", since: v12, many: func(m *Metadata) *[]string { return &m.ProjectURLs }},
	{header: "provides", form: "provides", since: v11, many: func(m *Metadata) *[]string { return &m.Provides }},
	{
		header: "provides-dist", form: "provides_dist", since: v12,
		many: func(m *Metadata) *[]string { return &m.ProvidesDist },
	},
	{
		header: "provides-extra", form: "provides_extra", since: v21,
		many: func(m *Metadata) *[]string { return &m.ProvidesExtra },
	},
	{header: "requires", form: "requires", since: v11, many: func(m *Metadata) *[]string { return &m.Requires }},
	{
		header: "requires-dist", form: "requires_dist", since: v12,
		many: func(m *Metadata) *[]string { return &m.RequiresDist },
	},
	{
		header: "requires-external", form: "requires_external", since: v12,
		many: func(m *Metadata) *[]string { return &m.RequiresExternal },
	},
	{
		header: "requires-python", form: "requires_python", since: v12,
		one: func(m *Metadata) *string { return &m.RequiresPython },
	},
	{header: "summary", form: "summary", since: v10, one: func(m *Metadata) *string { return &m.Summary }},
	{
		header: "supported-platform", form: "supported_platform", since: v11,
		many: func(m *Metadata) *[]string { return &m.SupportedPlatforms },
	},
}

var fieldsByHeader = func() map[string]field {
	byHeader := make(map[string]field, len(fields))
	for _, f := range fields {
		byHeader[f.header] = f
	}
	return byHeader
}()

func (f field) stated(m *Metadata) bool {
	if f.one != nil {
		return *f.one(m) != ""
	}
	return len(*f.many(m)) > 0
}

// clean makes text storable in any database: valid UTF-8 without NUL.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// isAbsent reports whether a value is blank or UNKNOWN, which old versions of setuptools wrote for missing values.
func isAbsent(s string) bool {
	s = trimSpace(s)
	return s == "" || s == "UNKNOWN"
}
