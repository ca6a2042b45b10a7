package exported_test

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/transfer/exported"
)

// world is an index and a folder for its exports.
type world struct {
	*testing.T
	ctx   context.Context
	db    *db.DB
	blobs *blobs.Blobs
	index *assembly.Index
	boss  access.Caller
	dir   string
	now   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		T: t, ctx: t.Context(), boss: access.Operator("boss"), dir: filepath.Join(t.TempDir(), "export"),
		now: time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC),
	}
	var err error
	w.db, err = db.Open(t.Context(), storagetest.SQLite(t), db.Options{Now: w.clock})
	w.must(err)
	t.Cleanup(func() { w.db.Close() })
	w.blobs, err = blobs.Open(t.Context(), "file://"+filepath.Join(t.TempDir(), "blobs"), blobs.Options{})
	w.must(err)
	w.index = assembly.New(w.db.Catalog(), w.blobs, assembly.Options{Now: w.clock, Log: slog.New(slog.DiscardHandler)})
	return w
}

// clock moves on with every look, so that no two things happen at once.
func (w *world) clock() time.Time {
	w.now = w.now.Add(1_234_567 * time.Microsecond)
	return w.now
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func name(s string) packaging.ProjectName {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// upload adds a file and returns its row.
func (w *world) upload(repository, project string, f packagingtest.File) catalog.File {
	w.Helper()
	in, err := w.index.Begin(w.ctx, w.boss, repository, name(project))
	w.must(err)
	defer in.Discard()
	_, err = in.Write(f.Bytes)
	w.must(err)
	got, err := w.index.Publish(w.ctx, in, ingest.Upload{Filename: f.Name})
	w.must(err)
	return got.File
}

func (w *world) options() exported.Options {
	return exported.Options{
		Dir: w.dir, Program: "1.0", Instance: "there", Leases: w.db,
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	}
}

func (w *world) export() exported.Done {
	w.Helper()
	done, err := exported.Write(w.ctx, w.db.Exports(), w.index.Custody, w.boss, w.options())
	w.must(err)
	return done
}

// tree returns the files below a folder by their paths. The header is left out.
func (w *world) tree(dir string) map[string]string {
	w.Helper()
	out := map[string]string{}
	w.must(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		if rel != "index-export.json" {
			out[rel] = string(b)
		}
		return err
	}))
	return out
}

func (w *world) same(what string, got, want map[string]string) {
	w.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got[path] != want[path] {
			w.Errorf("%s: %s is\n%.4000s\nwant\n%.4000s", what, path, got[path], want[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			w.Errorf("%s: %s is there, which should not be", what, path)
		}
	}
}

// modified returns when each file below the folder of the export was written.
func (w *world) modified() map[string]time.Time {
	out := map[string]time.Time{}
	for path := range w.tree(w.dir) {
		info, err := os.Stat(filepath.Join(w.dir, path))
		w.must(err)
		out[path] = info.ModTime()
	}
	return out
}

// failing is a store whose content cannot be read after some files.
type failing struct {
	*custody.Keeper
	left int
	err  error
}

func (f *failing) Find(ctx context.Context, s custody.Stored) (custody.Blob, int64, error) {
	if f.left--; f.left < 0 {
		return nil, 0, f.err
	}
	return f.Keeper.Find(ctx, s)
}

func wheel(project, version, content string, extra ...string) packagingtest.File {
	return packagingtest.Wheel(project, version, content, extra...)
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

// leases returns the number of leases.
func (w *world) leases() (n int) {
	w.Helper()
	raw, err := sql.Open("sqlite", w.db.Path())
	w.must(err)
	defer raw.Close()
	w.must(raw.QueryRow(`SELECT COUNT(*) FROM leases`).Scan(&n))
	return n
}

// recorded returns the entries of the audit log about an action, oldest first.
func (w *world) recorded(action string) []audit.Entry {
	w.Helper()
	all, err := w.db.Audit(w.ctx, 1000)
	w.must(err)
	all = slices.DeleteFunc(all, func(e audit.Entry) bool { return e.Action != action })
	slices.SortFunc(all, func(a, b audit.Entry) int { return a.At.Compare(b.At) })
	return all
}
