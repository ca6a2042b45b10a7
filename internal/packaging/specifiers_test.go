package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

func TestContains(t *testing.T) {
	for _, tt := range []struct{ set, in, out string }{
		{"", "1.0 1.0a1 1!2+x", ""},
		{">=1.0", "1.0 1 1.0+x 1.0.post1 2.0a1", "0.9 1.0rc1 1.0.dev0"},
		{"<=1.0", "1.0 1.0+x 0.9 1.0a1", "1.0.post1 1.0.1"},
		{"==1.0", "1 1.0.0 1.0+x", "1.0.post1 1.0a1 1!1.0"},
		{"==1.0+x", "1.0+x", "1.0 1.0+y"},
		{"!=1.0", "1.0.post1 2", "1 1.0+x"},
		{"==1.0.*", "1 1.0 1.0.5 1.0a1 1.0.post1 1.0.dev0", "1.1 1.1.dev0 2 1!1.0"},
		{"!=1.0.*", "1.1 2", "1 1.0.5"},
		{"~=1.4.2", "1.4.2 1.4.5 1.4.10.post1", "1.5 1.4.1 1.5.dev0"},
		{"~=2.2", "2.2 2.3.post1.dev2 2.9", "3.0 3.0a1 2.1"},
		{"~=2.2a1", "2.2a1 2.2 2.3.post1.dev2", "2.2.dev0 3"},
		{"<2.2", "2.1 2.1.post1", "2.2rc2 2.2.dev0 2.2"},
		{"<2.2rc1", "2.2b1 2.1", "2.2rc1 2.2"},
		{">1.0", "1.0.1 1.1a1", "1.0 1.0.post1 1.0+x 1.0a1"},
		{">1.0.post1", "1.0.post2 1.1", "1.0.post1 1.0.post1+x 1.0"},
		{">1.0a1", "1.0a2 1.0", "1.0a1 1.0a1.post1"},
		{"===1.0", "1.0 v1.0", "1.0.0 1"},
		{">=1,<2,!=1.5", "1.4 1.6", "1.5 2 0.9"},
		{">=1.18446744073709551616", "1.18446744073709551617", "1.18446744073709551615"},
	} {
		set, err := packaging.ParseSpecifiers(tt.set)
		if err != nil {
			t.Fatalf("ParseSpecifiers(%q) = %v", tt.set, err)
		}
		for v := range strings.FieldsSeq(tt.in) {
			if !set.Contains(version(t, v)) {
				t.Errorf("ParseSpecifiers(%q).Contains(%q) = false", tt.set, v)
			}
		}
		for v := range strings.FieldsSeq(tt.out) {
			if set.Contains(version(t, v)) {
				t.Errorf("ParseSpecifiers(%q).Contains(%q) = true", tt.set, v)
			}
		}
	}
}

func TestSpecifiersString(t *testing.T) {
	for written, canonical := range map[string]string{
		"":                        "",
		" , ":                     "",
		">= 3.8 , <4":             "<4,>=3.8",
		">=1.0,>=1":               ">=1",
		"~=1.0":                   "~=1.0",
		"== v1.0.*":               "==1.0.*",
		"===anything at,>=1":      "",
		"=== Foo":                 "===Foo",
		"!=3.0.*,!=3.1.*, >=2.07": "!=3.0.*,!=3.1.*,>=2.7",
	} {
		set, err := packaging.ParseSpecifiers(written)
		if written == "===anything at,>=1" {
			refused(t, "ParseSpecifiers("+written+")", err)
			continue
		}
		if err != nil || set.String() != canonical {
			t.Errorf("ParseSpecifiers(%q) = %q, %v, want %q", written, set, err, canonical)
		}
	}
}

func TestParseSpecifiersRefuses(t *testing.T) {
	for _, s := range []string{
		"1.0", "=1.0", "=>1.0", ">=", ">=1.0 <2", ">=1.0.*", "<2.*", "~=1", "~=1.*", ">=1.0+x", "~=1.0+x", "==1.0a1.*",
		"==1.0+x.*", "==*", "!=1..2", ">=dev", "> dev",
		">=3.6.x", "(>=1.0)", ">=1.0;", "≥1.0", "== 1.0 2", "^1.0", "~1.0", "===a b", strings.Repeat(">=1,", 3000),
	} {
		_, err := packaging.ParseSpecifiers(s)
		refused(t, "ParseSpecifiers("+s[:min(len(s), 40)]+")", err)
	}
}
