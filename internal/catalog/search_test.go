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
