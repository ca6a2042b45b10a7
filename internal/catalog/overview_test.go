package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

func versionsOf(o catalog.Overview) (out []string) {
	for _, r := range o.Releases {
		out = append(out, r.Version)
	}
	return out
}

func TestOverview(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.10", "x"), packagingtest.Wheel("demo", "1.9", "x", "Summary: nine"),
		packagingtest.SDist("demo", "1.9", "x", "Summary: sdist"), packagingtest.Wheel("demo", "2.0rc1", "x"))
	look := func(version string) catalog.Overview {
		t.Helper()
		o, err := w.Overview(ctx, w.admin, "", demo, version)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := look("")
	if got := versionsOf(o); len(got) != 3 || got[0] != "2.0rc1" || got[1] != "1.10" || got[2] != "1.9" {
		t.Errorf("releases = %v, want the newest version first", got)
	}
	if o.Release.Version != "1.10" || o.Latest.ID != o.Release.ID || !o.Releases[0].Prerelease {
		t.Errorf("the latest is %s, want 1.10", o.Release.Version)
	}
	if o = look("1.9.0"); o.Metadata.Summary != "nine" || len(o.Files) != 2 || o.Release.Files != 2 ||
		o.Files[0].Uploader.Name == "" {
		t.Errorf("1.9.0 = %q with %d files by %q", o.Metadata.Summary, len(o.Files), o.Files[0].Uploader.Name)
	}
	if err := w.Yank(ctx, w.admin, "", demo, "1.10", "broken"); err != nil {
		t.Fatal(err)
	}
	if o = look(""); o.Release.Version != "1.9" || !o.Releases[1].Yanked || o.Releases[1].YankedReason != "broken" {
		t.Errorf("after a yank the latest is %s", o.Release.Version)
	}
	w.must(packagingtest.Wheel("demo", "3.0", "x"))
	if o = look(""); o.Release.Version != "3.0" || len(o.Releases) != 4 {
		t.Errorf("after an upload the latest is %s of %v", o.Release.Version, versionsOf(o))
	}
	for _, version := range []string{"9", "nonsense", "1.9+local"} {
		if _, err := w.Overview(ctx, w.admin, "", demo, version); !fault.Is(err, fault.NotFound) {
			t.Errorf("Overview(%s) = %v, want not found", version, err)
		}
	}
	if err := w.SetStatus(ctx, w.admin, "", demo, catalog.Quarantined, "bad"); err != nil {
		t.Fatal(err)
	}
	if o = look(""); len(o.Releases) != 0 || len(o.Files) != 0 || o.Metadata.Name != "" || o.Release.ID != "" {
		t.Errorf("a quarantined project shows %v", versionsOf(o))
	}
	if _, err := w.Overview(ctx, w.admin, "", demo, "3.0"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a release of a quarantined project = %v, want not found", err)
	}
	if _, err := w.Compare(ctx, w.admin, "", demo, browse.Pair{From: "1.9", To: "3.0"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("comparing in quarantine = %v, want not found", err)
	}
}

// Callers who may not see a project see none of its forms, and get fault.NotFound rather than fault.Unauthenticated.
func TestOverviewIsForReaders(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.Wheel("demo", "2.0", "x"),
		packagingtest.Wheel("other", "1.0", "x"))
	bound := w.user("bob", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"other"}})
	for who, want := range map[*access.Caller]fault.Kind{&bound: fault.NotFound, {}: fault.Unauthenticated} {
		_, err := w.Overview(ctx, *who, "", demo, "")
		_, err2 := w.Overview(ctx, *who, "", name(t, "nothing"), "")
		_, err3 := w.Compare(ctx, *who, "", demo, browse.Pair{To: "2.0"})
		for _, e := range []error{err, err2, err3} {
			if !fault.Is(e, want) {
				t.Errorf("%s: %v, want %v", who.Name(), e, want)
			}
		}
	}
	here, err := w.Present(ctx, bound, "", []string{"demo", "other", "nothing", "Other", "..", ""})
	if err != nil || here["demo"] || !here["other"] || here["nothing"] || here[".."] {
		t.Errorf("Present = %v, %v", here, err)
	}
}

func TestCompare(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x", "Summary: one", "Requires-Dist: six>=1", "Requires-Dist: attrs"),
		packagingtest.Wheel("demo", "1.1", "y", "Summary: two", "Requires-Dist: six >= 1", "Requires-Dist: rich",
			"Requires-Python: >=3.9"),
		packagingtest.SDist("demo", "1.1", "y", "Summary: two"), packagingtest.Wheel("demo", "1.2rc1", "z"))
	c, err := w.Compare(ctx, w.admin, "", demo, browse.Pair{To: "1.1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.From.Version != "1.0" || c.To.Version != "1.1" || c.Inside.Basis != browse.MembersRead {
		t.Errorf("Compare = %s to %s, members %q (%s)", c.From.Version, c.To.Version, c.Inside.Basis, c.Inside.Why)
	}
	if r := c.Required; len(r.Added) != 1 || r.Added[0] != "rich" || len(r.Removed) != 1 || r.Removed[0] != "attrs" {
		t.Errorf("required: %+v", r)
	}
	if f := c.Files; len(f.Removed) != 0 || len(f.Added) != 1 || f.Added[0] != "demo-*.tar.gz" {
		t.Errorf("files: %+v", f)
	}
	// The code differs, though no name does but by version.
	if m := c.Inside.Members; len(m.Added)+len(m.Removed) != 0 || !slices.Equal(m.Changed, []string{"demo.py"}) ||
		c.Inside.Same != 1 {
		t.Errorf("members: %+v, want demo.py to be the changed one", c.Inside)
	}
	got := map[string][2]string{}
	for _, f := range c.Fields {
		got[f.Name] = [2]string{f.Before, f.After}
	}
	if len(got) != 2 || got["Summary"] != [2]string{"one", "two"} || got["Requires-Python"] != [2]string{"", ">=3.9"} {
		t.Errorf("fields: %v", got)
	}
	if c, err = w.Compare(ctx, w.admin, "", demo, browse.Pair{From: "1.1", To: "1.0"}); err != nil ||
		c.From.Version != "1.1" {
		t.Errorf("backwards = %v, %v", c.From.Version, err)
	}
	for _, pair := range [][2]string{{"", "1.0"}, {"9", "1.0"}, {"1.0", "9"}, {"x", "y"}} {
		if _, err := w.Compare(ctx, w.admin, "", demo, browse.Pair{From: pair[0], To: pair[1]}); !fault.Is(err,
			fault.NotFound) {
			t.Errorf("Compare(%q, %q) = %v, want not found", pair[0], pair[1], err)
		}
	}
}

// One project built by two back ends differs in spelling only.
func TestCompareByMeaning(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x", "Requires-Python: >=3.9,<4", "Classifier: A", "Classifier: B",
		`Requires-Dist: Zope.Interface [B_x,a] (>=1.0,<2) ; python_version<'3.9' and extra=='Fast'`),
		packagingtest.Wheel("demo", "2.0", "x", "Requires-Python: <4, >=3.9", "Classifier: B", "Classifier: C",
			`Requires-Dist: zope-interface[a,b-x]<2,>=1.0; python_version < "3.9" and extra == "fast"`))
	c, err := w.Compare(t.Context(), w.admin, "", name(t, "demo"), browse.Pair{To: "2.0"})
	if err != nil || !c.Required.Empty() {
		t.Errorf("requirements that differ in spelling: %+v, %v, want no difference", c.Required, err)
	}
	if len(c.Fields) != 1 || c.Fields[0].Name != "Classifier" || !slices.Equal(c.Fields[0].List.Added, []string{"C"}) ||
		!slices.Equal(c.Fields[0].List.Removed, []string{"A"}) {
		t.Errorf("fields: %+v, want only the two classifiers that differ", c.Fields)
	}
	if in := c.Inside; !in.Members.Empty() || in.Basis != browse.MembersRead {
		t.Errorf("members of equal content: %+v", in)
	}
}

func TestCompareFiles(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x"),
		packagingtest.Wheel("demo", "1.1", "x"), packagingtest.SDist("demo", "1.1", "y"),
		packagingtest.SDist("demo", "1.2", "y"),
		packagingtest.Wheel("demo", "1.3", "y"))
	for _, tt := range []struct {
		pair     browse.Pair
		to       string
		changed  []string
		others   []string
		compared bool
	}{
		{browse.Pair{To: "1.1"}, "demo-1.1-py3-none-any.whl", nil, []string{"demo-1.1.tar.gz"}, true},
		{
			browse.Pair{To: "1.1", File: "demo-1.1.tar.gz"},
			"demo-1.1.tar.gz",
			[]string{"demo-*/demo.py"},
			[]string{"demo-1.1-py3-none-any.whl"},
			true,
		},
		{browse.Pair{To: "1.1", File: "nothing"}, "demo-1.1-py3-none-any.whl", nil, []string{"demo-1.1.tar.gz"}, true},
		{browse.Pair{To: "1.2"}, "demo-1.2.tar.gz", nil, nil, true},
		{browse.Pair{To: "1.3"}, "", nil, nil, false},
	} {
		c, err := w.Compare(ctx, w.admin, "", demo, tt.pair)
		in := c.Inside
		if err != nil || in.To != tt.to || !slices.Equal(in.Members.Changed, tt.changed) ||
			!slices.Equal(in.Others, tt.others) ||
			(in.Basis == browse.MembersRead) != tt.compared || len(in.Members.Added)+len(in.Members.Removed) != 0 {
			t.Errorf("Compare(%+v) = %+v, %v", tt.pair, in, err)
		}
	}
}

// TestCompareSpellings: releases by different build backends do not differ in what these spell differently: the case of
// licenses and names, quotes, blanks, order, markers.
func TestCompareSpellings(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x", "License-Expression: mit OR (apache-2.0)", "License: bsd",
		"Requires-Python: >=3.8,<4", "Provides-Extra: Dev_Tools", "Provides-Extra: test", "Requires-Dist: Foo_Bar (>=1.0)",
		"Requires-Dist: six ; python_version > '3.8' and extra == 'Dev_Tools'", "Requires-Dist: old (>=1.*)"),
		packagingtest.Wheel("demo", "1.1", "x", "License-Expression: MIT OR (Apache-2.0)", "License: BSD",
			"Requires-Python: <4, >=3.8", "Provides-Extra: test", "Provides-Extra: dev-tools", "Requires-Dist: old>=1",
			`Requires-Dist: six; python_full_version >= "3.9" and extra == "dev-tools"`, "Requires-Dist: foo-bar>=1"),
		packagingtest.Wheel("demo", "1.2", "x", "License-Expression: MIT", "License: BSD",
			"Requires-Python: >=3.8", "Provides-Extra: test", "Requires-Dist: foo-bar>=2",
			`Requires-Dist: six; python_version>'3.9'`))
	c, err := w.Compare(t.Context(), w.admin, "", name(t, "demo"), browse.Pair{From: "1.0", To: "1.1"})
	if err != nil || len(c.Fields) > 0 || len(c.Required.Added)+len(c.Required.Removed) > 0 {
		t.Errorf("Compare of two spellings = %+v, %+v, %v, want no change", c.Fields, c.Required, err)
	}
	c, err = w.Compare(t.Context(), w.admin, "", name(t, "demo"), browse.Pair{From: "1.1", To: "1.2"})
	if err != nil || len(c.Fields) != 3 ||
		strings.Join(c.Required.Added, "|") != `foo-bar>=2|six; python_version > "3.9"` {
		t.Errorf("Compare of two releases = %+v, %+v, %v", c.Fields, c.Required, err)
	}
}
