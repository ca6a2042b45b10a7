package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// base is metadata that all rules accept.
func base() packaging.Metadata {
	return packaging.Metadata{MetadataVersion: "2.5", Name: "foo", Version: "1.0"}
}

// TestCheckRules: each change is rejected under PyPI's rules and accepted under the zero Rules.
func TestCheckRules(t *testing.T) {
	long := strings.Repeat("x", 513)
	for field, changes := range map[string][]func(*packaging.Metadata){
		"metadata_version": {
			func(m *packaging.Metadata) { m.MetadataVersion = "2.0" },
			func(m *packaging.Metadata) { m.MetadataVersion = "2.9" },
			func(m *packaging.Metadata) { m.MetadataVersion = "1.3" },
		},
		"version": {func(m *packaging.Metadata) { m.Version = "1.0+cu121" }},
		"author_email": {
			func(m *packaging.Metadata) { m.AuthorEmail = "nobody" }, func(m *packaging.Metadata) { m.AuthorEmail = "A <a@>" },
			func(m *packaging.Metadata) { m.AuthorEmail = "a@b@c" },
		},
		"classifiers": {
			func(m *packaging.Metadata) { m.Classifiers = []string{"A :: B", "Private :: Do Not Upload"} },
			func(m *packaging.Metadata) { m.Classifiers = []string{"nonsense"} },
			func(m *packaging.Metadata) { m.Classifiers = []string{"A ::  :: B"} },
		},
		"download_url": {func(m *packaging.Metadata) { m.DownloadURL = "ftp://example.org" }},
		"home_page": {
			func(m *packaging.Metadata) { m.HomePage = "javascript:alert(1)" },
			func(m *packaging.Metadata) { m.HomePage = "example.org" },
		},
		"dynamic": {
			func(m *packaging.Metadata) { m.Dynamic = []string{"Name"} },
			func(m *packaging.Metadata) { m.Dynamic = []string{"nonsense"} },
			func(m *packaging.Metadata) { m.Dynamic = []string{"version"} },
		},
		"import_name": {
			func(m *packaging.Metadata) { m.ImportNames = []string{"a-b"} },
			func(m *packaging.Metadata) { m.ImportNames = []string{"a; public"} },
			func(m *packaging.Metadata) { m.ImportNames = []string{"a..b"} },
			func(m *packaging.Metadata) { m.ImportNames = []string{"1a"} },
		},
		"license": {func(m *packaging.Metadata) { m.License, m.LicenseExpression = "MIT", "MIT" }},
		"license_file": {
			func(m *packaging.Metadata) { m.LicenseFiles = []string{"../L"} },
			func(m *packaging.Metadata) { m.LicenseFiles = []string{"/L"} },
			func(m *packaging.Metadata) { m.LicenseFiles = []string{`a\L`} },
			func(m *packaging.Metadata) { m.LicenseFiles = []string{"L*"} },
			func(m *packaging.Metadata) { m.LicenseFiles = []string{"a//L"} },
			func(m *packaging.Metadata) { m.LicenseFiles = []string{"C:L"} },
		},
		"project_urls": {
			func(m *packaging.Metadata) { m.ProjectURLs = []string{"https://example.org"} },
			func(m *packaging.Metadata) { m.ProjectURLs = []string{"Home, javascript:x"} },
			func(m *packaging.Metadata) { m.ProjectURLs = []string{"A, https://a", "A, https://b"} },
			func(m *packaging.Metadata) { m.ProjectURLs = []string{strings.Repeat("x", 33) + ", https://a"} },
			func(m *packaging.Metadata) { m.ProjectURLs = []string{", https://a"} },
		},
		"provides_dist": {
			func(m *packaging.Metadata) { m.ProvidesDist = []string{"a @ https://b"} },
			func(m *packaging.Metadata) { m.ProvidesDist = []string{"a b"} },
		},
		"obsoletes_dist":  {func(m *packaging.Metadata) { m.ObsoletesDist = []string{"a b"} }},
		"provides_extra":  {func(m *packaging.Metadata) { m.ProvidesExtra = []string{"a b"} }},
		"requires_dist":   {func(m *packaging.Metadata) { m.RequiresDist = []string{"a @ https://example.org/a.whl"} }},
		"requires_python": {func(m *packaging.Metadata) { m.RequiresPython = ">=3.6.*" }},
		"summary": {
			func(m *packaging.Metadata) { m.Summary = "a\nb" }, func(m *packaging.Metadata) { m.Summary = long },
		},
		"description_content_type": {
			func(m *packaging.Metadata) { m.DescriptionContentType = "text/html" },
			func(m *packaging.Metadata) { m.DescriptionContentType = "markdown" },
			func(m *packaging.Metadata) { m.DescriptionContentType = "text/plain; charset=latin-1" },
			func(m *packaging.Metadata) { m.DescriptionContentType = "text/markdown; variant=gitlab" },
		},
		"license_expression": {
			func(m *packaging.Metadata) { m.LicenseExpression = "MIT OR" },
			func(m *packaging.Metadata) { m.LicenseExpression, m.MetadataVersion = "MIT", "2.1" },
		},
	} {
		for i, change := range changes {
			m := base()
			change(&m)
			if err := m.Check(packaging.Rules{}); err != nil {
				t.Errorf("%s %d: our rules refuse %+v: %v", field, i, m, err)
			}
			err := m.Check(packaging.PyPIRules())
			refused(t, field, err)
			if !strings.HasPrefix(fault.Message(err), field+": ") {
				t.Errorf("%s %d: Check = %v, want a message about the field", field, i, err)
			}
		}
	}
}

// TestCheckAlways checks the problems that are rejected under any rules.
func TestCheckAlways(t *testing.T) {
	for name, change := range map[string]func(*packaging.Metadata){
		"no metadata version":       func(m *packaging.Metadata) { m.MetadataVersion = "" },
		"metadata version 9.9":      func(m *packaging.Metadata) { m.MetadataVersion = "9.9" },
		"metadata version in words": func(m *packaging.Metadata) { m.MetadataVersion = "two" },
		"metadata version too long": func(m *packaging.Metadata) { m.MetadataVersion = "2." + strings.Repeat("9", 30) },
		"no name":                   func(m *packaging.Metadata) { m.Name = "" },
		"bad name":                  func(m *packaging.Metadata) { m.Name = "a b" },
		"name with a line break":    func(m *packaging.Metadata) { m.Name = "foo\n" },
		"no version":                func(m *packaging.Metadata) { m.Version = "" },
		"bad version":               func(m *packaging.Metadata) { m.Version = "latest" },
		"requirement pip refuses":   func(m *packaging.Metadata) { m.RequiresDist = []string{"pytz (>dev)"} },
		"folded requirement":        func(m *packaging.Metadata) { m.RequiresDist = []string{"foo\n  >=1"} },
		"requirement with options":  func(m *packaging.Metadata) { m.RequiresDist = []string{"foo --index-url=x"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := base()
			change(&m)
			refused(t, name, m.Check(packaging.Rules{}))
			refused(t, name, m.Check(packaging.PyPIRules()))
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	m := base()
	m.Summary, m.DescriptionContentType = "One line", "text/markdown; charset=UTF-8; variant=GFM"
	m.AuthorEmail, m.MaintainerEmail = `"A, B" <a@example.org>, c@example.org`, "c@example.org, x"
	m.HomePage, m.DownloadURL, m.ProjectURLs = "https://example.org", "http://example.org",
		[]string{"Home, https://example.org", "Docs,https://example.org"}
	m.Classifiers, m.Dynamic, m.LicenseExpression = []string{"Programming Language :: Python :: 3"},
		[]string{"Description", "license-file"}, "MIT OR Apache-2.0"
	m.LicenseFiles, m.ImportNames, m.ImportNamespaces = []string{"licenses/LICENSE.txt"},
		[]string{"foo.bar", "_x ; private", "größe"}, []string{"foo"}
	m.RequiresDist, m.RequiresPython, m.ProvidesExtra = []string{"a>=1"}, ">=3.8", []string{"test"}
	if err := m.Check(packaging.PyPIRules()); err != nil {
		t.Errorf("Check = %v", err)
	}
}

// TestCheckOrder: of several problems the first in order is reported, so that users can fix one after another.
func TestCheckOrder(t *testing.T) {
	m := packaging.Metadata{
		MetadataVersion: "x",
		Name:            "a b",
		Version:         "x",
		Summary:         "a\nb",
		Classifiers:     []string{"x"},
		HomePage:        "x",
	}
	for _, step := range []struct {
		field string
		fix   func()
	}{
		{"metadata_version", func() { m.MetadataVersion = "2.1" }},
		{"name", func() { m.Name = "foo" }},
		{"version", func() { m.Version = "1" }},
		{"classifiers", func() { m.Classifiers = nil }},
		{"home_page", func() { m.HomePage = "" }},
		{"summary", func() { m.Summary = "" }},
	} {
		if err := m.Check(packaging.PyPIRules()); !strings.HasPrefix(fault.Message(err), step.field+": ") {
			t.Fatalf("Check = %v, want %s first", err, step.field)
		}
		step.fix()
	}
	if err := m.Check(packaging.PyPIRules()); err != nil {
		t.Errorf("Check = %v after all was fixed", err)
	}
}

func TestLicenseExpressions(t *testing.T) {
	check := func(s string) error {
		m := base()
		m.LicenseExpression = s
		return m.Check(packaging.Rules{License: true})
	}
	for _, s := range []string{
		"MIT", "mit and (apache-2.0 or bsd-2-clause)", "GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2.0+",
		"LicenseRef-Our-Own", "(MIT)", "((MIT OR ISC))AND(Zlib)",
	} {
		if err := check(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"MIT OR", "OR MIT", "MIT Apache-2.0", "(MIT", "MIT)", "()", "MIT AND OR ISC", "MIT WITH", "WITH x", "(MIT) WITH x",
		"MIT WITH (x)", "LicenseRef-", "LicenseRef-a+", "LicenseRef-a_b", "MIT/X11", "MIT, ISC",
		"A WITH B WITH C", "+", "MIT++", "MIT WITH x+", "MIT (ISC)", "Größe", "a:b",
		strings.Repeat("(", 100) + "MIT" + strings.Repeat(")", 100),
	} {
		refused(t, s, check(s))
	}
}
