package packaging_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
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
			got, _, err := packaging.ParseMetadata([]byte(text), packaging.Wheel)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got.Description = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(got.Description)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if err := got.Check(packaging.Wheel, packaging.Rules{}); err != nil {
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
			m, _, err := packaging.ParseMetadata([]byte(tt.text), packaging.Wheel)
			if err != nil || tt.want(m) != tt.text2 || m.Name != "foo" {
				t.Errorf("%s: ParseMetadata(%q) = %q, %v, want %q", name, tt.text, tt.want(m), err, tt.text2)
			}
		})
	}
}

func description(m packaging.Metadata) string { return m.Description }
func summary(m packaging.Metadata) string     { return m.Summary }

func TestParseMetadataRefuses(t *testing.T) {
	head := "Metadata-Version: 2.2\nName: foo\nVersion: 1.0\n"
	for name, text := range map[string]string{
		"two names":                        head + "Name: bar\n",
		"two names in other letters":       head + "NAME: Foo\n",
		"two versions":                     head + "version: 1.0.0\n",
		"two metadata versions":            head + "Metadata-Version: 2.4\n",
		"two Requires-Python":              head + "Requires-Python: >=3\nRequires-Python: >=2\n",
		"Requires-Python and none":         head + "Requires-Python: >=3\nRequires-Python:\n",
		"name again after a lone CR":       head + "Summary: x\rName: bar\n",
		"a field after a stray line":       head + "stray\nRequires-Dist: evil\n",
		"a version after a stray line":     "Metadata-Version: 2.2\nName: foo\nstray\nVersion: 1.0\n",
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
			for _, kind := range []packaging.Kind{packaging.Wheel, packaging.SDist} {
				_, _, err := packaging.ParseMetadata([]byte(text), kind)
				refused(t, name+" in a "+string(kind), err)
			}
			if name == "too many fields" || name == "too many bytes" {
				return
			}
			_, _, err := packaging.ParseMetadata([]byte(strings.Replace(text, "2.2", "1.0", 1)), packaging.Wheel)
			refused(t, name+" in an old wheel", err)
		})
	}
}

// TestParseOldMetadata: the PKG-INFO of an sdist below metadata 2.2 decides nothing for an installer, so its defects
// are reported and accepted. What identifies the release must be unambiguous in it too.
func TestParseOldMetadata(t *testing.T) {
	for name, tt := range map[string]struct{ text, warn, refused string }{
		"stray line": {
			text: "Download-URL: https://x.example/v1\n.tar.gz\nRequires-Dist: six\n", warn: `after the line ".tar.gz"`,
		},
		"stray licence": {
			text: "License: x\nAll rights\nProvides-Extra: y\nRequires-Python: >=3\n", warn: "provides-extra",
		},
		"name again after the stray": {text: "stray\nName: foo\n", warn: "the first of them is name"},
		"requirement not UTF-8": {
			text: "Requires-Dist: f\xff\nRequires-Dist: \xff\n", warn: "requires-dist is not UTF-8",
		},
		"another name after it":     {text: "stray\nName: bar\n", refused: "fields after the line"},
		"another version after it":  {text: "stray\nVersion: 1.1\n", refused: "fields after the line"},
		"newer metadata after it":   {text: "stray\nMetadata-Version: 2.2\n", refused: "fields after the line"},
		"two names":                 {text: "Name: bar\n", refused: "more than once"},
		"two versions":              {text: "Version: 1.1\n", refused: "more than once"},
		"two metadata versions":     {text: "Metadata-Version: 2.2\n", refused: "more than once"},
		"two Requires-Python":       {text: "Requires-Python: >=3\nRequires-Python: >=2\n", refused: "more than once"},
		"Requires-Python not UTF-8": {text: "Requires-Python: >=3\xff\n", refused: "not UTF-8"},
		"name only after the stray": {text: "", refused: "fields after the line"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range []string{"1.0", "1.1", "1.2", "2.0", "2.1"} {
				text := "Metadata-Version: " + version + "\nName: foo\nVersion: 1.0\n" + tt.text
				if tt.text == "" {
					text = "Metadata-Version: " + version + "\nstray\nName: foo\nVersion: 1.0\n"
				}
				m, defects, err := packaging.ParseMetadata([]byte(text), packaging.SDist)
				if tt.refused != "" {
					refused(t, name, err)
					if !strings.Contains(fault.Message(err), tt.refused) {
						t.Errorf("%s: ParseMetadata = %v, want %q", version, err, tt.refused)
					}
					continue
				}
				if err != nil || m.Name != "foo" || len(defects) != 1 || !strings.Contains(defects[0], tt.warn) {
					t.Errorf("%s: ParseMetadata = %q, %v, want a warning with %q", version, defects, err, tt.warn)
				}
			}
		})
	}
}

// TestParseRepeatedMetadata: a repetition that changes nothing is no contradiction.
func TestParseRepeatedMetadata(t *testing.T) {
	head := "Metadata-Version: 2.4\nName: foo\nVersion: 1.0\n"
	for name, tt := range map[string]struct{ text, warn string }{
		"Requires-Python": {
			"Requires-Python: >=3.8\nRequires-Python:  >=3.8 \n", "requires-python more than once: with the same value",
		},
		"name":              {"NAME: foo\n", "name more than once: with the same value"},
		"version":           {"Version: 1.0\n", "version more than once"},
		"metadata version":  {"Metadata-Version: 2.4\nMetadata-Version: 2.4\n", "metadata-version more than once"},
		"summary":           {"Summary: a\nSummary: a\n", "summary more than once: with the same value"},
		"another summary":   {"Summary: a\nSummary: b\n", "summary more than once: the first value"},
		"requirement":       {"Requires-Dist: a\nRequires-Dist: a\n", ""},
		"stray, then words": {"stray\nKeywords: y\n", `after the line "stray"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []packaging.Kind{packaging.Wheel, packaging.SDist} {
				m, defects, err := packaging.ParseMetadata([]byte(head+tt.text), kind)
				if err != nil || m.Name != "foo" || m.Version != "1.0" || (len(defects) == 1) != (tt.warn != "") ||
					!strings.Contains(strings.Join(defects, "\n"), tt.warn) {
					t.Errorf("ParseMetadata = %+v, %q, %v, want the warning %q", m, defects, err, tt.warn)
				}
			}
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
			_, _, _ = packaging.ParseMetadata(append([]byte("Name: foo\nSummary: a"), text...), packaging.Wheel)
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
		{"2.6", nil, true},
		{"2.10", nil, true},
		{"2.1", nil, false},
		{"1.2", nil, false},
		{"3.0", nil, false},
		{"", nil, false},
		{"2.2x", nil, false},
		{"2.4", []string{"requires-dist"}, false},
		{"2.4", []string{"license-file"}, false},
		{"2.6", []string{"requires-dist"}, false},
	} {
		m := packaging.Metadata{MetadataVersion: tt.version, Dynamic: tt.dynamic}
		if got := m.StaticDependencies(); got != tt.want {
			t.Errorf("StaticDependencies with version %q and dynamic %q = %v, want %v", tt.version, tt.dynamic, got, tt.want)
		}
	}
}
