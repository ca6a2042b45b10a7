package catalog_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pyindex/internal/catalog"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                          nil,
		"Node.js, async/await":                      {"node", "js", "async", "await"},
		"Python 3.14 (TCP/IP)":                      {"python", "3", "14", "tcp", "ip"},
		"a.b@c.d":                                   {"a", "b", "c", "d"},
		"Zoë ZOE zoe\u0308":                         {"zoe", "zoe", "zoe"},
		"Straße ΟΔΟΣ οδος İstanbul":                 {"strasse", "οδοσ", "οδοσ", "istanbul"},
		"ﬁle １２ x²":                                 {"file", "12", "x2"},
		"हिन्दी が":                                  {"हिन्दी", "が"},
		"see https://example.org/docs":              {"see", "docs"},
		"<HTTP://user@Example.org:80>":              nil,
		"git+https://h/a?b=c#d":                     {"a", "b", "c", "d"},
		"(https://a.example)[x](ftp://b.example/p)": {"x", "p"},
		"example.org http":                          {"example", "org", "http"},
		"don't C++ _x_":                             {"don", "t", "c", "x"},
	} {
		if got := catalog.Words(text); !slices.Equal(got, want) {
			t.Errorf("Words(%q) = %q, want %q", text, got, want)
		}
	}
	if got := catalog.Words(strings.Repeat("é", 300)); len(got) != 1 || len(got[0]) != 100 {
		t.Errorf("Words(long) = %q, want one word of 100 bytes", got)
	}
}

// FuzzWords checks what databases rely on: words are valid UTF-8, not empty, bounded, without characters that are
// syntax in a query, and cutting them again changes nothing.
func FuzzWords(f *testing.F) {
	f.Add("Zoë: a/b 'c' https://x/ \\ \x00 ﷺ İ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range catalog.Words(text) {
			if w == "" || len(w) > 100 || !utf8.ValidString(w) {
				t.Fatalf("%q has the word %q", text, w)
			}
			if i := strings.IndexFunc(w, func(c rune) bool {
				return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c)
			}); i >= 0 {
				t.Fatalf("%q has the word %q with %q", text, w, w[i:])
			}
			if again := catalog.Words(w); len(w) < 90 && !slices.Equal(again, []string{w}) {
				t.Fatalf("%q: Words(%q) = %q", text, w, again)
			}
		}
	})
}
