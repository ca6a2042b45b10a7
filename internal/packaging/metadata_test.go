package packaging_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/packaging"
)

const wheelMetadata = `Metadata-Version: 2.4
Name: Foo.Bar
Version: 1.0
Summary: Does things
Home-page: UNKNOWN
Author-email: A <a@example.org>,
	B <b@example.org>
License: Line one
        Line two
               indented
       |
        last
Platform: UNKNOWN
Classifier: Private :: Do Not Upload
classifier: Programming Language :: Python
Requires-Dist: requests>=2
Requires-Dist: pytest; extra == "test"
Provides-Extra: test
Requires-Python: >=3.8
Project-URL: Home, https://example.org
Dynamic: license-file
X-Unknown: ignored
Description-Content-Type: text/markdown

# Foo

Name: not a header
`

func TestParseMetadata(t *testing.T) {
	want := packaging.Metadata{
		MetadataVersion: "2.4", Name: "Foo.Bar", Version: "1.0", Summary: "Does things",
		AuthorEmail: "A <a@example.org>,\n\tB <b@example.org>", License: "Line one\nLine two\n       indented\n\nlast",
		Classifiers:  []string{"Private :: Do Not Upload", "Programming Language :: Python"},
		RequiresDist: []string{"requests>=2", `pytest; extra == "test"`}, ProvidesExtra: []string{"test"},
		RequiresPython: ">=3.8",
		ProjectURLs:    []string{"Home, https://example.org"}, Dynamic: []string{"license-file"},
		DescriptionContentType: "text/markdown", Description: "# Foo\n\nName: not a header\n",
	}
	for name, text := range map[string]string{
		"LF": wheelMetadata, "CRLF": strings.ReplaceAll(wheelMetadata, "\n", "\r\n"),
		"CR": strings.ReplaceAll(wheelMetadata, "\n", "\r"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := packaging.ParseMetadata([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got.Description = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(got.Description)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if err := got.Check(packaging.Rules{}); err != nil {
				t.Errorf("%s: Check = %v", name, err)
			}
		})
	}
}

func TestParseMetadataOddities(t *testing.T) {
	head := "Metadata-Version: 1.0\nName: foo\nVersion: 1.0\n"
	for name, tt := range map[string]struct {
		text  string
		want  func(packaging.Metadata) string
		text2 string
	}{
		"description header":          {head + "Description: a\n        b\n         c\n", description, "a\nb\n c"},
		"blank body keeps the header": {head + "Description: a\n\n  \n", description, "a"},
		"body wins over the header":   {head + "Description: a\n\nb", description, "b"},
		"a stray line begins the body": {
			head + "some text without a colon\nmore of it\n", description, "some text without a colon\nmore of it\n",
		},
		"a blank before the colon is no header": {head + "Foo : bar\n", description, "Foo : bar\n"},
		"broken UTF-8 in free text":             {head + "Summary: caf\xe9\n", summary, "caf\ufffd"},
		"NUL in free text":                      {head + "Summary: a\x00b\n", summary, "a\ufffdb"},
		"the first of two summaries":            {head + "Summary: a\nSummary: b\n", summary, "a"},
		"a lone CR ends a line":                 {head + "Summary: a\rHome-page: https://example.org\r", summary, "a"},
		"keywords after a bare licence text": {
			head + "License: x\nAll rights reserved\nKeywords: y\n", description, "All rights reserved\nKeywords: y\n",
		},
		"no header name":           {head + ": x\nSummary: a\n", summary, "a"},
		"colon in a value":         {head + "Summary: a: b\n", summary, "a: b"},
		"no blank after the colon": {head + "Summary:a\n", summary, "a"},
		"UNKNOWN":                  {head + "Summary: UNKNOWN\n", summary, ""},
		"no final line break":      {head + "Summary: a", summary, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := packaging.ParseMetadata([]byte(tt.text))
			if err != nil || tt.want(m) != tt.text2 || m.Name != "foo" {
				t.Errorf("%s: ParseMetadata(%q) = %q, %v, want %q", name, tt.text, tt.want(m), err, tt.text2)
			}
		})
	}
}

func description(m packaging.Metadata) string { return m.Description }
func summary(m packaging.Metadata) string     { return m.Summary }

func TestParseMetadataRefuses(t *testing.T) {
	head := "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n"
	for name, text := range map[string]string{
		"two names":                        head + "Name: bar\n",
		"two names of one value":           head + "NAME: foo\n",
		"two versions":                     head + "version: 1.0\n",
		"two metadata versions":            head + "Metadata-Version: 2.2\n",
		"two Requires-Python":              head + "Requires-Python: >=3\nRequires-Python: >=2\n",
		"name again after a lone CR":       head + "Summary: x\rName: bar\n",
		"a field after a stray line":       head + "stray\nRequires-Dist: evil\n",
		"a version after a stray line":     "Metadata-Version: 2.1\nName: foo\nstray\nVersion: 1.0\n",
		"a field after From":               head + "From me\nRequires-Dist: evil\n",
		"a field with a blank in its name": head + "Requires-Dist : evil\n",
		"the first line is folded":         " folded\n" + head,
		"a byte order mark":                "\ufeff" + head,
		"broken UTF-8 in the name":         "Name: f\xff\n",
		"broken UTF-8 in a requirement":    head + "Requires-Dist: f\xff\n",
		"broken UTF-8 in an extra":         head + "Provides-Extra: f\xff\n",
		"too many fields":                  head + strings.Repeat("A: b\n", 50_000),
		"too many bytes":                   head + "\n" + strings.Repeat("x", 16<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := packaging.ParseMetadata([]byte(text))
			refused(t, name, err)
		})
	}
}

// TestParseMetadataIsLinear uses input that makes naive parsers slow.
func TestParseMetadataIsLinear(t *testing.T) {
	for name, part := range map[string]string{
		"folded lines":     "\n x",
		"carriage returns": "\r",
		"stray lines":      "x\n",
		"colons":           ":",
		"blanks":           " ",
	} {
		t.Run(name, func(t *testing.T) {
			text := bytes.Repeat([]byte(part), (8<<20)/len(part))
			start := time.Now()
			_, _ = packaging.ParseMetadata(append([]byte("Name: foo\nSummary: a"), text...))
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: 8 MiB took %s", name, took)
			}
		})
	}
}

func TestStaticDependencies(t *testing.T) {
	for _, tt := range []struct {
		version string
		dynamic []string
		want    bool
	}{
		{"2.2", nil, true},
		{"2.4", nil, true},
		{"2.10", nil, true},
		{"2.1", nil, false},
		{"1.2", nil, false},
		{"3.0", nil, false},
		{"", nil, false},
		{"2.2x", nil, false},
		{"2.4", []string{"requires-dist"}, false},
		{"2.4", []string{"license-file"}, false},
	} {
		m := packaging.Metadata{MetadataVersion: tt.version, Dynamic: tt.dynamic}
		if got := m.StaticDependencies(); got != tt.want {
			t.Errorf("StaticDependencies with version %q and dynamic %q = %v, want %v", tt.version, tt.dynamic, got, tt.want)
		}
	}
}
