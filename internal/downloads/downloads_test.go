package downloads_test

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/downloads"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

func TestRecord(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		d := storagetest.OpenDB(t, fresh(t), db.Options{})
		now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
		x := downloads.New(d.FileReaders(), func() time.Time { return now })
		other := downloads.New(d.FileReaders(), func() time.Time { return now }) // another process
		f := downloads.File{
			Repository: "main", Upstream: "public", Project: "six", Version: "1.0", Filename: "six-1.0.zip", SHA256: "ab",
		}
		admin, guest := access.Operator("test"), access.Guest(true)
		x.Note(admin, f)
		x.Note(guest, f)
		now = now.Add(time.Hour)
		other.Note(admin, f)
		g := f
		g.Version, g.Filename, g.SHA256 = "2.0", "six-2.0.zip", "cd"
		other.Note(admin, g)
		for _, r := range []*downloads.Record{x, other} {
			if err := r.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		read := func(filter downloads.Filter) []downloads.Reader {
			t.Helper()
			out, err := x.Readers(t.Context(), admin, filter)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		got := read(downloads.Filter{Project: "six", Version: "1.0"})
		if len(got) != 2 || got[0].Count != 2 || !got[0].First.Equal(now.Add(-time.Hour)) || !got[0].Last.Equal(now) ||
			got[0].File != f || got[1].ID != "" || got[1].Count != 1 {
			t.Errorf("Readers(1.0) = %+v", got)
		}
		for filter, want := range map[downloads.Filter]int{
			{}: 3, {Project: "six"}: 3, {SHA256: "cd"}: 1, {Project: "seven"}: 0, {Since: now}: 2, {Limit: 1}: 1,
		} {
			if got := read(filter); len(got) != want {
				t.Errorf("Readers(%+v) = %d entries, want %d", filter, len(got), want)
			}
		}
		if _, err := x.Readers(t.Context(), guest, downloads.Filter{}); !fault.Is(err, fault.Denied) {
			t.Errorf("a guest: Readers() = %v", err)
		}
		now = now.Add(downloads.Keep + 48*time.Hour)
		if err := x.Sweep(t.Context()); err != nil || len(read(downloads.Filter{})) != 0 {
			t.Errorf("Sweep() = %v, %d entries are left", err, len(read(downloads.Filter{})))
		}
	})
}
