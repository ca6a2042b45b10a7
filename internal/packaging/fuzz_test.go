package packaging_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// rejected reports whether err is a fault.Invalid. It fails the test for any other error, and for a message that is
// unsuitable for a terminal.
func rejected(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && (!fault.Is(err, fault.Invalid) || strings.ContainsAny(err.Error(), "\r\n\x00") ||
		!utf8.ValidString(err.Error()) || len(err.Error()) > 2000) {
		t.Fatalf("unfit refusal %q", err)
	}
	return err != nil
}

func FuzzFilename(f *testing.F) {
	for _, s := range []string{
		"foo-1.0.tar.gz", "Foo_Bar-1.0-1x-py2.py3-none-any.whl", "../foo-1.0.zip", "zope.interface-5.4.0.tar.gz",
		"foo-1!1+a.tgz", "foo-1.0-1.tar.bz2",
	} {
		f.Add(s, "foo")
		f.Add(s, "zope.interface")
	}
	f.Fuzz(func(t *testing.T, file, name string) {
		n, err := packaging.ParseProjectName(name)
		if rejected(t, err) {
			return
		}
		if again, err := packaging.ParseProjectName(n.String()); err != nil || again != n {
			t.Fatalf("ParseProjectName(%q) = %q, %v, want itself", n, again, err)
		}
		got, err := packaging.ParseFilename(file, n)
		if rejected(t, err) {
			return
		}
		if strings.ContainsAny(file, "/\\\x00 ") || strings.HasPrefix(file, ".") || got.String() != file ||
			len(got.Tags()) > 1000 {
			t.Fatalf("ParseFilename(%q) accepted it with %d tags", file, len(got.Tags()))
		}
		normal, err := packaging.ParseFilename(got.Normal(), n)
		if err != nil || normal.Version().Key() != got.Version().Key() || normal.CheckSpelling() != nil {
			t.Fatalf("Normal() of %q is %q: %v", file, got.Normal(), err)
		}
		if got.Ext() == normal.Ext() && normal.Key() != got.Key() {
			t.Fatalf("keys of %q and %q are %q and %q", file, got.Normal(), got.Key(), normal.Key())
		}
		_ = got.CheckStrict()
	})
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0", "v1!2.0a1.post3.dev4+abc.5", "1.0-1", " 1.0\n", "1.0c", "99999999999999999999"} {
		f.Add(s, "1.0.dev1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, errV := packaging.ParseVersion(a)
		w, errW := packaging.ParseVersion(b)
		if rejected(t, errV) || rejected(t, errW) {
			return
		}
		for _, text := range []string{v.String(), v.Key()} {
			again, err := packaging.ParseVersion(text)
			if err != nil || again.Compare(v) != 0 || again.Key() != v.Key() {
				t.Fatalf("ParseVersion(%q) = %q, %v, want the same as %q", text, again, err, a)
			}
		}
		if v.Compare(w) != -w.Compare(v) || (v.Compare(w) == 0) != (v.Key() == w.Key()) {
			t.Fatalf("%q and %q compare as %d and %d, keys %q and %q", a, b, v.Compare(w), w.Compare(v), v.Key(), w.Key())
		}
	})
}

func FuzzSpecifiers(f *testing.F) {
	for _, s := range []string{">=1.0,<2", "==1.0.*", "~=1.4.2", "===x", "!=1.0+local", ">1.0.post1", " , "} {
		f.Add(s, "1.0")
	}
	f.Fuzz(func(t *testing.T, s, in string) {
		set, err := packaging.ParseSpecifiers(s)
		if rejected(t, err) {
			return
		}
		again, err := packaging.ParseSpecifiers(set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("ParseSpecifiers(%q) = %q, %v, want itself", set, again, err)
		}
		if v, err := packaging.ParseVersion(in); err == nil && set.Contains(v) != again.Contains(v) {
			t.Fatalf("%q and %q differ on %q", s, again, in)
		}
	})
}

func FuzzRequirement(f *testing.F) {
	for _, s := range []string{
		"foo", "foo[a,b]>=1,<2; extra == 'x'", "foo @ https://e ; (os_name=='a' or 'b' in extras) and python_version<'3'",
		"foo (>=1.0)", "foo; (((",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := packaging.ParseRequirement(s)
		if rejected(t, err) {
			return
		}
		again, err := packaging.ParseRequirement(r.Canonical())
		if len(r.Canonical()) < 16<<10 && (err != nil || again.Canonical() != r.Canonical()) {
			t.Fatalf("ParseRequirement(%q) = %q, %v, want itself", r.Canonical(), again.Canonical(), err)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(wheelMetadata))
	f.Add([]byte("Name: a\rName: b\n"))
	f.Add([]byte("Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: b\n c\nstray\n\nbody"))
	f.Add([]byte("Metadata-Version: 2.1\nName: a\nVersion: 1\nstray\nRequires-Dist: b (>=1.*)\nVersion: 2\n"))
	f.Add([]byte("Metadata-Version: 2.6\nName: a\nVersion: 1\nDynamic: Summary\nSummary: b\nSummary: c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []packaging.Kind{packaging.SDist, packaging.Wheel} {
			checkParsed(t, b, kind)
		}
	})
}

// checkParsed parses b as a file of the kind, and requires text that can be stored and a bounded number of defects.
func checkParsed(t *testing.T, b []byte, kind packaging.Kind) {
	m, defects, err := packaging.ParseMetadata(b, kind)
	if rejected(t, err) {
		return
	}
	for _, text := range append(defects, m.Name, m.Description, m.Summary, strings.Join(m.RequiresDist, "")) {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Fatalf("ParseMetadata kept %q", text)
		}
	}
	for _, text := range append(defects, m.Tolerated(kind)...) {
		if len(text) > 2000 || strings.ContainsAny(text, "\r\n") {
			t.Fatalf("unfit warning %q", text)
		}
	}
	if len(defects) > 50 {
		t.Fatalf("ParseMetadata found %d defects", len(defects))
	}
	rejected(t, m.Check(kind, packaging.Rules{}))
	rejected(t, m.Check(kind, packaging.PyPIRules()))
	rejected(t, m.CheckDependencies(kind, packaging.Rules{}))
	if err := packaging.Disagreement(m, m); err != nil {
		t.Fatalf("metadata disagrees with itself: %v", err)
	}
}

// FuzzLegacyRequirement: what LegacyRequirement reads has a canonical text that every reader reads.
func FuzzLegacyRequirement(f *testing.F) {
	for _, s := range []string{
		"a (<=1.*)", "a!=~1.0", "a>=1<2", "a>dev", "'a' >=1'; extra == \"b\"", "a==1.0*", "a>1a1.0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		strict, err := packaging.ParseRequirement(s)
		got, ok := packaging.LegacyRequirement(s)
		if err == nil && (!ok || got.Canonical() != strict.Canonical()) {
			t.Fatalf("LegacyRequirement(%q) = %q, %v, want %q", s, got.Canonical(), ok, strict.Canonical())
		}
		if !ok {
			return
		}
		again, err := packaging.ParseRequirement(got.Canonical())
		if len(got.Canonical()) < 16<<10 && (err != nil || again.Canonical() != got.Canonical()) {
			t.Fatalf("LegacyRequirement(%q) = %q, which reads as %q, %v", s, got.Canonical(), again.Canonical(), err)
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add("name", "foo", "foo")
	f.Add("requires_dist", "a>=1", "b; extra == 'x'")
	f.Add("license_expression", "MIT OR (ISC)", "")
	f.Add("project_urls", "Home, https://example.org", "x")
	f.Add("license_file", "/", "a/b")
	f.Fuzz(func(t *testing.T, field, a, b string) {
		for _, values := range [][]string{{a}, {a, b}} {
			m, err := packaging.FormMetadata(map[string][]string{field: values, "metadata_version": {"2.5"}})
			if rejected(t, err) {
				continue
			}
			m.Name, m.Version = "foo", "1.0"
			rejected(t, m.Check(packaging.SDist, packaging.PyPIRules()))
			rejected(t, packaging.Disagreement(m, packaging.Metadata{}))
		}
	})
}
