package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

func TestRequirementCanonical(t *testing.T) {
	for written, canonical := range map[string]string{
		"Foo_Bar":    "foo-bar",
		" requests ": "requests",
		"requests[Security,socks_5] >= 2.8.1 , == 2.8.* ; python_version < '2.7'": `requests[security,socks-5]==2.8.*,>=2.8.1; python_version < "2.7"`,
		"foo (>=1.0,<2.0)": "foo<2,>=1",
		"foo()":            "foo",
		"foo>=1,":          "foo>=1",
		"foo[b,a,B]":       "foo[a,b]",
		"foo[]":            "foo",
		"pip @ https://example.org/pip.zip#sha1=da9":        "pip @ https://example.org/pip.zip#sha1=da9",
		"pip@file:///x;y ; os.name=='nt'":                   `pip @ file:///x;y ; os_name == "nt"`,
		`foo; extra == "Dev_Test"`:                          `foo; extra == "dev-test"`,
		`foo; 'Dev' in extras`:                              `foo; "dev" in extras`,
		`foo; python_implementation=="CPython"`:             `foo; platform_python_implementation == "CPython"`,
		`foo; os_name=='a"b'`:                               `foo; os_name == 'a"b'`,
		`foo; ((os_name=="a"))`:                             `foo; os_name == "a"`,
		`foo; (os_name=="a"or os_name=="b")and(extra=="c")`: `foo; (os_name == "a" or os_name == "b") and extra == "c"`,
		`foo; "linux" not  in sys_platform`:                 `foo; "linux" not in sys_platform`,
		"foo===weird,>=1":                                   "foo===weird,>=1",
	} {
		r, err := packaging.ParseRequirement(written)
		if err != nil || r.Canonical() != canonical {
			t.Errorf("ParseRequirement(%q) = %q, %v, want %q", written, r.Canonical(), err, canonical)
			continue
		}
		again, err := packaging.ParseRequirement(r.Canonical())
		if err != nil || again.Canonical() != canonical {
			t.Errorf("ParseRequirement(%q) = %q, %v, want itself", canonical, again.Canonical(), err)
		}
	}
}

func TestParseRequirementRefuses(t *testing.T) {
	for _, s := range []string{
		"", " ", ">=1.0", "-e .", "-r other.txt", "foo bar", "foo >= ", "d>=", "foo 1.0", "foo=1", "foo>=1 <2", "foo>=1;",
		"foo;", "foo; nonsense", "e; nonsense", "foo_", "_foo",
		"foo[", "foo[a", "foo[a b]", "foo[a,]", "foo[,a]", "foo]", "foo(>=1", "foo>=1)", "foo (>=1.0", "foo @", "foo @ ",
		"@ https://x", "foo >=1.0 @ https://x", "foo @ https://x bar",
		"foo\n>=1", "foo; os_name == 'x", `foo; os_name == "x'`, `foo; os_name = "x"`, `foo; os_name "x"`,
		`foo; unknown == "x"`, `foo; os_name == x`, `foo; os_name == "x" and`,
		`foo; os_name == "x" os_name == "y"`, `foo; (os_name == "x"`, `foo; os_name == "x")`, `foo; os_name notin "x"`,
		`foo; "a\b" == os_name`, "foo; os_name == 'a\nb'",
		"pytz (>dev)", "foo (>=2.*)", "föö", "foo; python_version == \"3\x00\"", "foo # comment",
		"foo; " + strings.Repeat("(", 65) + `os_name == "a"` + strings.Repeat(")", 65),
		"foo; " + strings.Repeat("(", 10000), "foo[" + strings.Repeat("a,", 20000),
	} {
		_, err := packaging.ParseRequirement(s)
		refused(t, "ParseRequirement("+s[:min(len(s), 60)]+")", err)
	}
}

func TestRequirementFields(t *testing.T) {
	r, err := packaging.ParseRequirement(`Foo.Bar[x] @ https://example.org/f ; extra == "y"`)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name.String() != "foo-bar" || r.URL != "https://example.org/f" || r.Marker.String() != `extra == "y"` ||
		!r.Specifiers.IsZero() || len(r.Extras) != 1 {
		t.Errorf("ParseRequirement gave %+v", r)
	}
	if (packaging.Marker{}).String() != "" {
		t.Error("no marker has text")
	}
}
