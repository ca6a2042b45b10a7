package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

func project(t testing.TB, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatalf("ParseProjectName(%q) = %v", s, err)
	}
	return n
}

// refused fails the test unless err is a fault.Invalid with a message.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Invalid) || fault.Message(err) == "" {
		t.Errorf("%s = %v, want fault.Invalid", what, err)
	}
}

func TestParseProjectName(t *testing.T) {
	for written, normal := range map[string]string{
		"foo":                    "foo",
		"Foo":                    "foo",
		"foo_bar":                "foo-bar",
		"Foo--._Bar":             "foo-bar",
		"zope.interface":         "zope-interface",
		"7":                      "7",
		"a":                      "a",
		strings.Repeat("a", 200): strings.Repeat("a", 200),
	} {
		if got := project(t, written).String(); got != normal {
			t.Errorf("ParseProjectName(%q) = %q, want %q", written, got, normal)
		}
	}
}

func TestParseProjectNameRefuses(t *testing.T) {
	for _, s := range []string{
		"", " ", "-foo", "foo-", "_foo", "foo_", ".foo", "foo.", "-", "foo bar", " foo", "foo ", "foo\n", "foo\r\n",
		"foo/bar", `foo\bar`,
		"foo%2Fbar", "../foo", "föö", "ｆｏｏ", "foo\x00", "foo\u200b", "foo@1", "foo[bar]", "foo==1", "ſoo", "ı",
		strings.Repeat("a", 201),
	} {
		_, err := packaging.ParseProjectName(s)
		refused(t, "ParseProjectName("+s+")", err)
	}
}

func TestLooksLike(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"foobar1", "fooba-rl", true},
		{"foo-bar", "foobar", true},
		{"pillow", "pi11ow", true},
		{"PiLLOW", "p1iI0w", true},
		{"foo", "foo", true},
		{"requests", "request", false},
		{"numpy", "numpi", false},
		{"a1", "a2", false},
	} {
		if got := project(t, tt.a).LooksLike(project(t, tt.b)); got != tt.want {
			t.Errorf("%q.LooksLike(%q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestIsStdlibModule(t *testing.T) {
	for name, want := range map[string]bool{
		"json":        true,
		"OS":          true,
		"xml":         true,
		"__future__x": false,
		"asyncio":     true,
		"urllib2":     true,
		"distutils":   true,
		"requests":    false,
		"numpy":       false,
		"urllib3":     false,
		"attrs":       false,
	} {
		t.Run(name, func(t *testing.T) {
			n, err := packaging.ParseProjectName(strings.Trim(name, "_"))
			if err != nil {
				t.Fatal(err)
			}
			if got := packaging.IsStdlibModule(n); got != want {
				t.Errorf("IsStdlibModule(%q) = %v, want %v", name, got, want)
			}
		})
	}
	if packaging.IsStdlibModule(packaging.ProjectName{}) {
		t.Error("IsStdlibModule(no name) = true")
	}
}

func TestZeroValues(t *testing.T) {
	var n packaging.ProjectName
	var v packaging.Version
	var f packaging.Filename
	var s packaging.Specifiers
	if !n.IsZero() || !v.IsZero() || !f.IsZero() || !s.IsZero() {
		t.Error("IsZero = false for a zero value")
	}
	if n.String()+v.String()+v.Key()+f.String()+f.Key()+s.String() != "" {
		t.Error("a zero value has text")
	}
	if !s.Contains(version(t, "1.0")) || s.Contains(v) {
		t.Error("the empty set should contain every version and no zero version")
	}
}
