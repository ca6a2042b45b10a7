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
			func(m *packaging.Metadata) { m.MetadataVersion = "2.7" },
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
			func(m *packaging.Metadata) {
				m.MetadataVersion, m.Dynamic, m.Summary = "2.6", []string{"Summary"}, "one line"
			},
			func(m *packaging.Metadata) {
				m.MetadataVersion, m.Dynamic, m.RequiresPython = "2.6", []string{"requires-python"}, ">=3.8"
			},
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
		"obsoletes_dist": {func(m *packaging.Metadata) { m.ObsoletesDist = []string{"a b"} }},
		"provides_extra": {func(m *packaging.Metadata) { m.ProvidesExtra = []string{"a b"} }},
		"requires_dist": {
			func(m *packaging.Metadata) { m.RequiresDist = []string{"a @ https://example.org/a.whl"} },
			func(m *packaging.Metadata) { m.RequiresDist = []string{"extract-msg (<=0.29.*)"} },
		},
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
			if err := m.Check(packaging.SDist, packaging.Rules{}); err != nil {
				t.Errorf("%s %d: our rules refuse %+v: %v", field, i, m, err)
			}
			err := m.Check(packaging.SDist, packaging.PyPIRules())
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
		"unreadable requirement":    func(m *packaging.Metadata) { m.RequiresDist = []string{"six", "pytz (>=dev)"} },
		"folded requirement":        func(m *packaging.Metadata) { m.RequiresDist = []string{"foo\n  >=1"} },
		"requirement with options":  func(m *packaging.Metadata) { m.RequiresDist = []string{"foo --index-url=x"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := base()
			change(&m)
			refused(t, name, m.Check(packaging.SDist, packaging.Rules{}))
			refused(t, name, m.Check(packaging.SDist, packaging.PyPIRules()))
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
	m.MetadataVersion = "2.6"
	m.LicenseFiles, m.ImportNames, m.ImportNamespaces = []string{"licenses/LICENSE.txt"},
		[]string{"foo.bar", "_x ; private", "größe"}, []string{"foo"}
	m.RequiresDist, m.RequiresPython, m.ProvidesExtra = []string{"a>=1"}, ">=3.8", []string{"test"}
	if err := m.Check(packaging.SDist, packaging.PyPIRules()); err != nil {
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
		if err := m.Check(packaging.SDist, packaging.PyPIRules()); !strings.HasPrefix(fault.Message(err), step.field+": ") {
			t.Fatalf("Check = %v, want %s first", err, step.field)
		}
		step.fix()
	}
	if err := m.Check(packaging.SDist, packaging.PyPIRules()); err != nil {
		t.Errorf("Check = %v after all was fixed", err)
	}
}

func TestLicenseExpressions(t *testing.T) {
	check := func(s string) error {
		m := base()
		m.LicenseExpression = s
		return m.Check(packaging.SDist, packaging.Rules{License: true})
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

// TestCheckOldRequirements: no installer reads the requirements in a PKG-INFO below metadata 2.2, so none of them is a
// reason to refuse it, unless the policy is PyPI's.
func TestCheckOldRequirements(t *testing.T) {
	for version, kinds := range map[string]map[packaging.Kind]bool{
		"1.0": {packaging.SDist: true, packaging.Wheel: false},
		"2.1": {packaging.SDist: true, packaging.Wheel: false},
		"2.2": {packaging.SDist: false, packaging.Wheel: false},
		"2.6": {packaging.SDist: false, packaging.Wheel: false},
	} {
		for kind, accepted := range kinds {
			m := packaging.Metadata{MetadataVersion: version, Name: "foo", Version: "1.0", RequiresDist: []string{"six (1.0)"}}
			err := m.Check(kind, packaging.Rules{})
			if rejected(t, err) == accepted {
				t.Errorf("Check of a %s with metadata %s = %v, want accepted %v", kind, version, err, accepted)
			}
			if err := m.CheckDependencies(kind, packaging.Rules{}); rejected(t, err) == accepted {
				t.Errorf("CheckDependencies of a %s with metadata %s = %v, want accepted %v", kind, version, err, accepted)
			}
			if got := strings.Join(m.Tolerated(kind), "\n"); !strings.Contains(got, `requirement "six (1.0)" is not valid`) {
				t.Errorf("Tolerated of a %s with metadata %s = %q", kind, version, got)
			}
			refused(t, "PyPI's rules", m.Check(kind, packaging.PyPIRules()))
			m.RequiresDist = []string{"six (" + strings.Repeat("1", 16<<10) + ")"}
			refused(t, "a long requirement", m.Check(kind, packaging.Rules{}))
			refused(t, "a long requirement in the file", m.CheckDependencies(kind, packaging.Rules{}))
		}
	}
}

func TestTolerated(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*packaging.Metadata)
		want   string // "" is no warning
	}{
		"nothing":        {func(*packaging.Metadata) {}, ""},
		"a readable one": {func(m *packaging.Metadata) { m.RequiresDist = []string{"six (>=1.0)"} }, ""},
		"a legacy one": {
			func(m *packaging.Metadata) { m.RequiresDist = []string{"six", "six (<=0.29.*)"} }, "cannot read 1 of its",
		},
		"summary of 512": {func(m *packaging.Metadata) { m.Summary = strings.Repeat("ä", 512) }, ""},
		"summary of 513": {
			func(m *packaging.Metadata) { m.Summary = strings.Repeat("x", 513) }, "summary: PyPI would refuse it: it must have",
		},
		"summary of a MiB": {
			func(m *packaging.Metadata) { m.Summary = strings.Repeat("x", 1<<20) }, "at most 512 characters",
		},
		"summary of 2 lines": {func(m *packaging.Metadata) { m.Summary = "a\nb" }, "it must be one line"},
		"Dynamic in a wheel": {
			func(m *packaging.Metadata) { m.MetadataVersion, m.Dynamic, m.Summary = "2.6", []string{"summary"}, "x" }, "",
		},
		"another old warning": {func(m *packaging.Metadata) { m.Classifiers = []string{"nonsense"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := base()
			tt.change(&m)
			got := m.Tolerated(packaging.Wheel)
			if (len(got) > 0) != (tt.want != "") || !strings.Contains(strings.Join(got, "\n"), tt.want) {
				t.Errorf("Tolerated = %q, want %q", got, tt.want)
			}
			if err := m.Check(packaging.Wheel, packaging.Rules{}); err != nil {
				t.Errorf("Check = %v", err)
			}
		})
	}
}

// TestDynamicValues: in a source distribution of metadata 2.6, a value beside Dynamic is the part that a wheel extends,
// so the field must be a list (PEP 808). Until 2.5 such a value promises nothing, and in a wheel Dynamic is a remark.
func TestDynamicValues(t *testing.T) {
	full := packaging.Metadata{
		Name: "foo", Version: "1.0", Summary: "a", Description: "b", Author: "A", AuthorEmail: "a@example.org",
		Keywords: "k", RequiresPython: ">=3", RequiresDist: []string{"a"}, ProvidesExtra: []string{"x"},
		Classifiers: []string{"A :: B"}, LicenseFiles: []string{"L"}, ImportNames: []string{"foo"},
		ProjectURLs: []string{"Home, https://example.org"}, LicenseExpression: "MIT",
	}
	for field, list := range map[string]bool{
		"Requires-Dist": true, "Provides-Extra": true, "Classifier": true, "License-File": true, "Import-Name": true,
		"Project-URL": true, "Keywords": true, "Author": true, "Author-email": true, "Maintainer": true,
		"Summary": false, "Description": false, "Requires-Python": false, "License-Expression": false,
		"Home-page": true, // it has no value here
	} {
		for _, version := range []string{"2.4", "2.5", "2.6"} {
			for _, kind := range []packaging.Kind{packaging.SDist, packaging.Wheel} {
				m := full
				m.MetadataVersion, m.Dynamic = version, []string{field}
				if version == "2.4" {
					m.ImportNames = nil
				}
				good := list || version != "2.6" || kind == packaging.Wheel
				if err := m.Check(kind, packaging.PyPIRules()); rejected(t, err) == good {
					t.Errorf("Check of a %s with metadata %s and Dynamic: %s = %v, want accepted %v", kind, version, field, err, good)
				}
				if err := m.Check(kind, packaging.Rules{}); err != nil {
					t.Errorf("Check of a %s with metadata %s and Dynamic: %s = %v", kind, version, field, err)
				}
				if got := m.Tolerated(kind); (len(got) == 0) != good {
					t.Errorf("Tolerated of a %s with metadata %s and Dynamic: %s = %q", kind, version, field, got)
				}
			}
		}
	}
}
