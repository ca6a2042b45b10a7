package pages_test

import (
	"testing"
	"time"

	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

// A page of another index is served offline, also by a process that had an older one. An older page is not taken, and
// the first digest of a file stays.
func TestImport(t *testing.T) {
	there := newWorld(t)
	there.f.says("six", has("six", `"1"`, "1.0", "2.0"))
	there.c.pass(time.Hour)
	there.get("six", pages.Normal)
	row, err := there.p.Export(t.Context(), there.u, name("six"))
	if err != nil {
		t.Fatal(err)
	}
	row.FetchedAt, row.CheckedAt = row.FetchedAt.Add(-1), row.CheckedAt.Add(-1) // nanoseconds, as in memory
	content, err := page.Decode(row.Record)
	if err != nil || content.Check(name("six")) != nil {
		t.Fatal(err, content.Check(name("six")))
	}
	if _, err := there.p.Export(t.Context(), there.u, name("seven")); err == nil {
		t.Error("a page that is not held is exported")
	}

	here := newWorld(t)
	here.f.says("six", has("six", "", "1.0"))
	here.get("six", pages.Normal)
	here.batch()
	here.c.pass(100 * 24 * time.Hour)
	off := newWorldOffline(here)
	offline := func() pages.Held {
		t.Helper()
		h, err := off.Get(t.Context(), here.u, name("six"), pages.Normal, true)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	here.versions(offline(), "1.0")
	stated := content.Files[0].SHA256
	content.Files[0].SHA256 = content.Files[1].SHA256
	for i, want := range []bool{true, false} {
		if added, err := here.p.Import(t.Context(), here.u, row, content); added != want || err != nil {
			t.Errorf("Import() %d = %v, %v", i, added, err)
		}
	}
	here.c.pass(6 * time.Second)
	here.versions(offline(), "1.0", "2.0")
	p, err := offline().Page()
	if err != nil || p.Files[0].SHA256 != stated || p.Files[0].Changed != content.Files[0].SHA256 {
		t.Errorf("Page() = %+v, %v", p, err)
	}
	older := row
	older.CheckedAt = row.CheckedAt.Add(-time.Minute)
	if added, err := here.p.Import(t.Context(), here.u, older, page.Page{}); added || err != nil {
		t.Errorf("Import() of an older page = %v, %v", added, err)
	}
}

// TestStored: stored pages are listed and read without asking the upstream, also if they are too old to be served, but
// not those of an upstream that had the name before.
func TestStored(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	for _, project := range []string{"one", "three", "two"} {
		w.f.says(project, has(project, "", "1.0"))
		w.get(project, pages.Normal)
		w.f.says(project, has(project, "", "2.0"))
	}
	w.batch()
	w.c.pass(400 * 24 * time.Hour)
	for limit, want := range map[int]int{10: 3, 3: 3, 2: 2, 1: 1} {
		heads, err := w.p.Heads(ctx, w.u, limit)
		if err != nil || len(heads) != want || heads[name("one")].Revision == "" {
			t.Errorf("Heads() of %d = %v, %v", limit, heads, err)
		}
	}
	h, stored, err := w.p.Stored(ctx, w.u, name("two"))
	if err != nil || !stored {
		t.Fatalf("Stored() = %t, %v", stored, err)
	}
	w.versions(h, "1.0")
	if _, stored, err := w.p.Stored(ctx, w.u, name("four")); err != nil || stored {
		t.Errorf("Stored() of a page that was never read = %t, %v", stored, err)
	}
	anew := w.u
	anew.CreatedAt = time.UnixMicro(w.u.Revision + 1)
	if heads, err := w.p.Heads(ctx, anew, 10); err != nil || len(heads) != 0 {
		t.Errorf("Heads() of another upstream of that name = %v, %v", heads, err)
	}
	if _, stored, err := w.p.Stored(ctx, anew, name("two")); err != nil || stored {
		t.Errorf("Stored() of another upstream of that name = %t, %v", stored, err)
	}
}
