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
