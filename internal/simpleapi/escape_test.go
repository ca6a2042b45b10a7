package simpleapi

import (
	"bytes"
	"encoding/json"
	"html"
	"html/template"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

var awkward = []string{
	"", "plain", ">=3.8,<4", `"quoted" & <b>'bold'</b>`, "line\nbreak\rtab\t", "nul\x00", "\x7f\b\f\v\x1f", `back\slash`,
	"ümläut 漢字 🐍", "\u2028\u2029\ufeff\ufffd", "broken \xff\xfe \xed\xa0\x80 utf-8", "--><script>alert(1)</script>",
	"&amp;&#60;", "1.0+cu121-py3.whl",
}

func fuzzTexts(f *testing.F) {
	for _, s := range awkward {
		f.Add(s)
	}
}

// FuzzJSON compares our strings with those of encoding/json. They are identical, except that invalid UTF-8 becomes a
// literal U+FFFD here and an escaped one there.
func FuzzJSON(f *testing.F) {
	fuzzTexts(f)
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		got, theirs := string(appendJSON(nil, s)), strings.TrimSuffix(want.String(), "\n")
		if utf8.ValidString(s) && got != theirs {
			t.Errorf("appendJSON(%q) = %s, want %s", s, got, theirs)
		}
		var ours, read string
		if err := json.Unmarshal([]byte(got), &ours); err != nil {
			t.Errorf("appendJSON(%q) = %s, which does not parse: %v", s, got, err)
		}
		if err := json.Unmarshal([]byte(theirs), &read); err != nil || ours != read {
			t.Errorf("appendJSON(%q) = %s, which reads %q, want %q", s, got, ours, read)
		}
	})
}

var attribute = template.Must(template.New("").Parse(`<a title="{{.}}">`))

// FuzzHTML compares our texts with those of html/template. A parser reads the same from both, and nothing in them ends
// a text or an attribute.
func FuzzHTML(f *testing.F) {
	fuzzTexts(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := string(appendHTML(nil, s))
		if strings.ContainsAny(got, "<>\"'\x00") || !utf8.ValidString(got) {
			t.Errorf("appendHTML(%q) = %q, which a parser may end early", s, got)
		}
		var want strings.Builder
		if err := attribute.Execute(&want, strings.ToValidUTF8(s, "\uFFFD")); err != nil {
			t.Fatal(err)
		}
		theirs := strings.TrimSuffix(strings.TrimPrefix(want.String(), `<a title="`), `">`)
		if html.UnescapeString(got) != html.UnescapeString(theirs) {
			t.Errorf("appendHTML(%q) = %q, want an equivalent of %q", s, got, theirs)
		}
	})
}

// FuzzPath checks that a path segment remains one segment and decodes to its input, even if "+" is decoded as a blank.
func FuzzPath(f *testing.F) {
	fuzzTexts(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := string(appendPath(nil, s))
		if strings.ContainsAny(got, "/?#+\\\"<>& ") {
			t.Errorf("appendPath(%q) = %q, which is not one plain segment", s, got)
		}
		for _, unescape := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
			if back, err := unescape(got); err != nil || back != s {
				t.Errorf("appendPath(%q) = %q, which reads as %q, %v", s, got, back, err)
			}
		}
	})
}
