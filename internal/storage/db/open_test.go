package db_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

func TestOpenModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "deep", "index.db")
	d := storagetest.OpenDB(t, "sqlite:"+path, db.Options{})
	if d.Path() != path {
		t.Errorf("Path() = %q, want %q", d.Path(), path)
	}
	for name, want := range map[string]os.FileMode{
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700,
		filepath.Dir(filepath.Dir(path)): 0o700,
	} {
		t.Run(name, func(t *testing.T) {
			info, err := os.Stat(name)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want mode %v", name, info, err, want)
			}
		})
	}
	if v, err := d.SchemaVersion(t.Context()); err != nil || v < 1 {
		t.Errorf("SchemaVersion() = %d, %v, want at least 1", v, err)
	}
	if err := d.Ping(t.Context()); err != nil {
		t.Errorf("Ping() = %v", err)
	}
}

// TestOddPaths: characters that mean something in a URL are part of the name.
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b", "ü", "50%", "what?mode=memory", "a#b", "it's", "%41"} {
		path := filepath.Join(t.TempDir(), name, "index.db")
		storagetest.OpenDB(t, "sqlite:"+path, db.Options{})
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("Open(%s): %v, want the file under that very name", path, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		url  string
		kind fault.Kind
	}{
		"nothing":         {"", fault.Invalid},
		"unknown scheme":  {"mysql://host/name", fault.Invalid},
		"no path":         {"sqlite:", fault.Invalid},
		"memory":          {"sqlite::memory:", fault.Invalid},
		"a folder":        {"sqlite:" + dir, fault.Invalid},
		"below a file":    {"sqlite:" + text + "/index.db", fault.Invalid},
		"other content":   {"sqlite:" + text, fault.Invalid},
		"no URL":          {"postgres://%zz", fault.Invalid},
		"no server there": {"postgres://127.0.0.1:1/x?connect_timeout=2", fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := db.Open(t.Context(), row.url, db.Options{})
			if !fault.Is(err, row.kind) || err.Error() == "" {
				t.Errorf("%s: Open(%q) = %v (%v), want %v", name, row.url, err, fault.KindOf(err), row.kind)
			}
		})
	}
}

// TestNewerSchema: a database changed by a newer version is not modified.
func TestNewerSchema(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		location := fresh(t)
		storagetest.OpenDB(t, location, db.Options{})
		raw(t, location, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
		_, err := db.Open(t.Context(), location, db.Options{})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("Open(newer schema) = %v, want invalid, and to start the newer version", err)
		}
	})
}

// raw runs a statement beside the package.
func raw(t *testing.T, location, q string) {
	t.Helper()
	driver, name := "pgx", location
	if path, ok := strings.CutPrefix(location, "sqlite:"); ok {
		driver, name = "sqlite", (&url.URL{Scheme: "file", Path: path}).String()
	}
	h, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.ExecContext(t.Context(), q); err != nil {
		t.Fatal(err)
	}
}

// TestOpenAtOnce: several processes may start on an empty database; it is made once.
func TestOpenAtOnce(t *testing.T) {
	storagetest.EachEmptyDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		location := fresh(t)
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				d, err := db.Open(t.Context(), location, db.Options{})
				if err != nil {
					t.Errorf("Open() at once = %v", err)
					return
				}
				defer d.Close()
				err = d.Catalog().View(t.Context(), func(tx catalog.Tx) error {
					all, err := tx.Repositories(t.Context())
					if len(all) != 1 {
						t.Errorf("Repositories() = %v, want main alone", all)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}
