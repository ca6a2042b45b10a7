package catalog_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// found returns the names that a search finds.
func (w *world) found(who access.Caller, q browse.Query) []string {
	w.t.Helper()
	q.PerPage = 50
	f, err := w.Search(w.t.Context(), who, "", q)
	if err != nil {
		w.t.Fatalf("Search(%+v) = %v", q, err)
	}
	if f.Total != len(f.Cards) {
		w.t.Errorf("Search(%+v) counts %d and shows %d", q, f.Total, len(f.Cards))
	}
	var out []string
	for _, c := range f.Cards {
		out = append(out, c.Name)
	}
	return out
}

func (w *world) expect(who access.Caller, text string, want ...string) {
	w.t.Helper()
	if got := w.found(who, browse.Query{Text: text}); !slices.Equal(got, want) {
		w.t.Errorf("searching %q finds %v, want %v", text, got, want)
	}
}

// Search results follow every change of a project's latest release.
func TestSearchFollows(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.SDist("demo", "1.0", "x", "Summary: apricot"))
	w.expect(w.admin, "apricot", "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x", "Summary: banana"))
	w.expect(w.admin, "apricot")
	w.expect(w.admin, "banana", "demo")
	w.must(packagingtest.SDist("demo", "1.0.post1", "y", "Summary: cherry"),
		packagingtest.Wheel("demo", "0.9", "z", "Summary: old"),
		packagingtest.Wheel("demo", "2.0rc1", "z", "Summary: candidate"))
	w.expect(w.admin, "cherry", "demo")
	w.expect(w.admin, "old")
	w.expect(w.admin, "candidate")
	if err := w.Yank(ctx, w.admin, "", demo, "1.0.post1", ""); err != nil {
		t.Fatal(err)
	}
	w.expect(w.admin, "cherry")
	w.expect(w.admin, "banana", "demo")
	for _, v := range []string{"1.0", "0.9", "2.0rc1"} {
		if err := w.Yank(ctx, w.admin, "", demo, v, ""); err != nil {
			t.Fatal(err)
		}
	}
	w.expect(w.admin, "cherry", "demo") // all are yanked: the newest final one represents them
	w.must(packagingtest.Wheel("demo", "0.1", "z", "Summary: early"))
	w.expect(w.admin, "early", "demo") // the only one available
	if err := w.DeleteRelease(ctx, w.admin, "", demo, "0.1"); err != nil {
		t.Fatal(err)
	}
	w.expect(w.admin, "cherry", "demo")
	if err := w.SetStatus(ctx, w.admin, "", demo, catalog.Quarantined, ""); err != nil {
		t.Fatal(err)
	}
	w.expect(w.admin, "cherry")
	if err := w.SetStatus(ctx, w.admin, "", demo, catalog.Active, ""); err != nil {
		t.Fatal(err)
	}
	w.expect(w.admin, "cherry", "demo")
	if err := w.DeleteProject(ctx, w.admin, "", demo); err != nil {
		t.Fatal(err)
	}
	w.expect(w.admin, "cherry")
	w.expect(w.admin, "demo")
}

// Search finds, counts and suggests only projects that the caller may see.
func TestSearchIsForReaders(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx := t.Context()
	w.must(packagingtest.Wheel("secret-plan", "1.0", "x", "Summary: shared word", "Requires-Dist: open-thing"),
		packagingtest.Wheel("open-thing", "1.0", "x", "Summary: shared word"))
	bound := w.user("bob", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"open-thing"}})
	w.expect(bound, "shared", "open-thing")
	w.expect(bound, "", "open-thing")
	w.expect(bound, "secret-plan")
	if f, err := w.Search(ctx, bound, "", browse.Query{Text: "secret-plam"}); err != nil || f.Instead != "" {
		t.Errorf("a hidden name is suggested: %q, %v", f.Instead, err)
	}
	if f, err := w.Search(ctx, w.admin, "", browse.Query{Text: "secret-plam"}); err != nil || f.Instead != "secret-plan" {
		t.Errorf("suggested instead: %q, %v, want secret-plan", f.Instead, err)
	}
	if cards, total, err := w.Dependents(ctx, bound, "", name(t, "open-thing"), 1, 10); err != nil || len(cards) != 0 ||
		total != 0 {
		t.Errorf("a hidden dependent is shown: %v, %d, %v", cards, total, err)
	}
	if cards, total, err := w.Dependents(ctx, w.admin, "", name(t, "open-thing"), 1, 10); err != nil || len(cards) != 1 ||
		total != 1 {
		t.Errorf("Dependents = %v, %d, %v, want secret-plan", cards, total, err)
	}
	if _, _, err := w.Dependents(ctx, bound, "", name(t, "secret-plan"), 1, 10); !fault.Is(err, fault.NotFound) {
		t.Errorf("dependents of a hidden project = %v, want not found", err)
	}
	for _, repo := range []string{"", "nowhere"} {
		if _, err := w.Search(ctx, access.Guest(false), repo, browse.Query{}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("Search by an anonymous caller in %q = %v, want unauthenticated", repo, err)
		}
	}
}

// Every query text is valid, and none is an operator or a wildcard.
func TestSearchHostile(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x", "Summary: plain"))
	for _, text := range []string{
		"%", "_", "*", `"`, `'`, `\`, `"demo`, "demo*", "NOT demo", "demo OR x", "demo AND", "NEAR(demo plain)", "name:demo",
		"^demo", "{demo}", "(demo", "demo)", "-demo",
		"a\x00b", strings.Repeat("a ", 40_000), strings.Repeat("x", 64<<10), ".*", "[a-z]+", "demo; DROP TABLE projects",
		"&", "demo & plain", "demo:*", "!demo", "<->", "\xff\xfe", "ﬁ", "İ",
	} {
		if _, err := w.Search(t.Context(), w.admin, "",
			browse.Query{Text: text, Classifier: text, Python: text, Sort: browse.Sort(text), Page: 1 << 40}); err != nil {
			t.Errorf("Search(%.40q) = %v", text, err)
		}
		if got := w.found(w.admin, browse.Query{Text: text}); slices.Contains([]string{"%", "_", "*", ".*", `"`}, text) &&
			len(got) != 0 {
			t.Errorf("Search(%q) finds %v", text, got)
		}
	}
	w.expect(w.admin, "(demo)", "demo")
	w.expect(w.admin, "DEMO plain", "demo")
	for page, want := range map[int]int{-5: 1, 0: 1, 1: 1, 2: 0, 1 << 40: 0} {
		f, err := w.Search(t.Context(), w.admin, "", browse.Query{Page: page, PerPage: 1 << 30})
		if err != nil || len(f.Cards) != want {
			t.Errorf("page %d = %d results, %v, want %d", page, len(f.Cards), err, want)
		}
	}
}

func TestSearchByPython(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("old", "1.0", "x", "Requires-Python: >=3.6,<3.9"),
		packagingtest.Wheel("new", "1.0", "x", "Requires-Python: >=3.11.2"), packagingtest.Wheel("any", "1.0", "x"))
	for python, want := range map[string][]string{
		"3.8":  {"any", "old"},
		"3.11": {"any", "new"},
		"3.10": {"any"},
		"":     {"any", "new", "old"},
		"3.x":  {"any", "new", "old"},
	} {
		if got := w.found(w.admin, browse.Query{Python: python, Sort: browse.ByName}); !slices.Equal(got, want) {
			t.Errorf("Python %s: %v, want %v", python, got, want)
		}
	}
}

// TestSearchListsNamedPythons checks that the filter by Python version lists what projects name, and what their lower
// bounds imply up to the highest version that any project names, but no version beyond.
func TestSearchListsNamedPythons(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	pythons := func(who access.Caller, q browse.Query) string {
		t.Helper()
		f, err := w.Search(t.Context(), who, "", q)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, p := range f.Facets.Pythons {
			out = append(out, p.Value)
		}
		return strings.Join(out, " ")
	}
	w.must(packagingtest.Wheel("any", "1.0", "x"), packagingtest.Wheel("plain", "1.0", "x", "Requires-Python: >=3.9"))
	for text, want := range map[string]string{"": "3.9", "any": "", "plain": "3.9"} {
		if got := pythons(w.admin, browse.Query{Text: text}); got != want {
			t.Errorf("before a classifier, the Python versions of %q are %q, want %q", text, got, want)
		}
	}
	w.must(packagingtest.Wheel("tested", "1.0", "x", "Requires-Python: >=3.11",
		"Classifier: Programming Language :: Python :: 3", "Classifier: Programming Language :: Python :: 3.11",
		"Classifier: Programming Language :: Python :: 3.12"),
		packagingtest.Wheel("wheels", "1.0", "x", "Requires-Python: >=3.7,<3.9"))
	bound := w.user("bob", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"plain"}})
	for _, c := range []struct {
		who  access.Caller
		q    browse.Query
		want string
	}{
		{w.admin, browse.Query{}, "3.7 3.8 3.9 3.10 3.11 3.12"},
		{w.admin, browse.Query{Text: "plain"}, "3.9 3.10 3.11 3.12"},
		{w.admin, browse.Query{Text: "tested"}, "3.11 3.12"},
		{w.admin, browse.Query{Text: "wheels"}, "3.7 3.8"},
		{w.admin, browse.Query{Text: "any"}, ""},
		{w.admin, browse.Query{Text: "any", Python: "3.19"}, "3.19"},
		{bound, browse.Query{}, "3.9"},
	} {
		if got := pythons(c.who, c.q); got != c.want {
			t.Errorf("%+v lists Python %q, want %q", c.q, got, c.want)
		}
	}
}

// Projects from before cards existed get them, also if two processes run Backfill at once.
func TestBackfill(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx := t.Context()
	for _, n := range []string{"a", "b", "c"} {
		w.must(packagingtest.Wheel(n, "1.0", "x", "Summary: something"))
	}
	err := w.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
		for _, n := range []string{"a", "c"} {
			p, err := w.Project(ctx, w.admin, "", name(t, n))
			if err == nil {
				err = tx.DeleteCard(ctx, p.ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.found(w.admin, browse.Query{Text: "something"}); len(got) != 1 {
		t.Errorf("without cards %v are found", got)
	}
	done := make(chan error)
	for range 2 {
		go func() { done <- w.Backfill(ctx) }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := w.found(w.admin, browse.Query{Text: "something"}); len(got) != 3 {
		t.Errorf("after Backfill %v are found, want three", got)
	}
}

// TestBackfillBesideAnUpdate checks that Backfill, which reads all cards, waits for no update if they are complete, so
// that none waits for it.
func TestBackfillBesideAnUpdate(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("a", "1.0", "x"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.db.Catalog().Update(ctx, func(catalog.Tx) error { return w.Backfill(ctx) }); err != nil {
		t.Error(err)
	}
}

// TestSearchSuggests checks the suggestion for a misspelled name, wherever it is misspelled.
func TestSearchSuggests(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	for _, name := range []string{"requests", "numpy", "six", "request-ids"} {
		w.must(packagingtest.SDist(name, "1.0", "x"))
	}
	for text, want := range map[string]string{
		"reqests": "requests", "Reqeusts": "requests", "equests": "requests", "erquests": "requests", "wequests": "requests",
		"nupmy": "numpy", "umpy": "numpy", "sixx": "six", "zzz": "", "requests": "", "requestids": "", "xx": "",
		"quite another": "",
	} {
		if f, err := w.Search(t.Context(), w.admin, "", browse.Query{Text: text}); err != nil || f.Instead != want {
			t.Errorf("searching %q suggests %q, %v, want %q", text, f.Instead, err, want)
		}
	}
	w.must(packagingtest.SDist("acme-widgets", "1.0", "x"), packagingtest.SDist("acme-gadgets", "1.0", "x"))
	bound := w.user("bob", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"acme-gadgets"}})
	for _, c := range []struct {
		who        access.Caller
		text, want string
	}{
		{w.admin, "widgts", "acme-widgets"},
		{w.admin, "gadgett", "acme-gadgets"},
		{bound, "widgts", ""},
		{bound, "gadgett", "acme-gadgets"},
	} {
		if f, err := w.Search(t.Context(), c.who, "", browse.Query{Text: c.text}); err != nil || f.Instead != c.want {
			t.Errorf("searching %q suggests %q, %v, want %q", c.text, f.Instead, err, c.want)
		}
	}
}

// TestSearchFacets checks the facets of a search and the filters by their values, for callers with different rights.
func TestSearchFacets(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx := t.Context()
	w.must(packagingtest.SDist("one", "1.0", "x", "License: mit", "Requires-Python: >=3.19",
		"Classifier: Topic :: Database", "Classifier: Programming Language :: Python :: 3.12"),
		packagingtest.SDist("two", "1.0", "x", "License: MIT", "Requires-Python: <3.8,>=3.7"),
		packagingtest.SDist("three", "1.0", "x", "License: MIT", "Classifier: Topic :: Database"),
		packagingtest.SDist("four", "1.0", "x", "License: BSD  3"))
	search := func(who access.Caller, q browse.Query) browse.Found {
		t.Helper()
		q.PerPage = 10
		f, err := w.Search(ctx, who, "", q)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := search(w.admin, browse.Query{}).Facets
	if want := []browse.Facet{
		{Value: "mit", Label: "MIT", Count: 3}, {Value: "bsd 3", Label: "BSD  3", Count: 1},
	}; !slices.Equal(f.Licenses, want) {
		t.Errorf("licenses = %v, want %v", f.Licenses, want)
	}
	if want := []browse.Facet{{
		Value: "Topic :: Database", Label: "Topic :: Database", Count: 2,
	}}; !slices.Equal(f.Classifiers, want) {
		t.Errorf("classifiers = %v, want %v", f.Classifiers, want)
	}
	pythons := func(q browse.Query) string {
		var out []string
		for _, p := range search(w.admin, q).Facets.Pythons {
			out = append(out, fmt.Sprintf("%s (%d)", p.Value, p.Count))
		}
		return strings.Join(out, ", ")
	}
	// "three" runs on all versions, but names none.
	if got, want := pythons(browse.Query{License: "Mit", Python: "3.19"}),
		"3.7 (2), 3.12 (1), 3.19 (2)"; got != want {
		t.Errorf("Python versions = %s, want %s", got, want)
	}
	if got, want := pythons(browse.Query{Text: "two"}), "3.7 (1)"; got != want {
		t.Errorf("Python versions of two = %s, want %s", got, want)
	}
	for name, c := range map[string]struct {
		q    browse.Query
		want int
	}{
		"license":     {browse.Query{License: " MIT"}, 3},
		"two filters": {browse.Query{License: "mit", Classifier: "Topic :: Database"}, 2},
		"other":       {browse.Query{License: "gpl"}, 0}, "nobody": {browse.Query{Owner: "nobody"}, 0},
	} {
		if f := search(w.admin, c.q); f.Total != c.want {
			t.Errorf("%s: %d found, want %d", name, f.Total, c.want)
		}
	}

	ann := w.user("ann", access.NewAPIToken{Scope: access.ScopeUpload})
	w.user("bob", access.NewAPIToken{Scope: access.ScopeUpload})
	if _, err := w.upload(ann, packagingtest.SDist("anns", "1.0", "x", "License: Secret")); err != nil {
		t.Fatal(err)
	}
	f = search(w.admin, browse.Query{}).Facets
	if want := []browse.Facet{{Value: "ann", Label: "ann", Count: 1}}; !slices.Equal(f.Owners, want) {
		t.Errorf("owners = %v, want %v", f.Owners, want)
	}
	if got := w.found(w.admin, browse.Query{Owner: "ann"}); !slices.Equal(got, []string{"anns"}) {
		t.Errorf("projects of ann: %v", got)
	}
	bound := w.token("bob", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"one"}})
	got := search(bound, browse.Query{})
	if len(got.Facets.Owners) != 0 || len(got.Facets.Licenses) != 1 || got.Facets.Licenses[0].Count != 1 {
		t.Errorf("a token for one project sees the facets %+v", got.Facets)
	}
	if got := search(bound, browse.Query{Owner: "ann"}); got.Total != 0 {
		t.Errorf("a token for one project finds %v", got.Cards)
	}
}
