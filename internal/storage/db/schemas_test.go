package db

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// schemas has an SQLite file without rows for each version of the schema that a test asked for. All migrations of a
// new database take longer than most tests.
var schemas = struct {
	sync.Mutex
	files map[int64][]byte
}{files: map[int64][]byte{}}

// freshSQLite returns the URL of a new SQLite database with the newest schema and no rows.
func freshSQLite(t *testing.T) string {
	t.Helper()
	all := versions(t)
	return sqliteOf(t, all[len(all)-1])
}

// emptySQLite returns the URL of an SQLite database that does not exist yet.
func emptySQLite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "index.db") }

// sqliteOf returns the URL of a new SQLite database with an old schema and no rows.
func sqliteOf(t *testing.T, version int64) string {
	t.Helper()
	schemas.Lock()
	defer schemas.Unlock()
	if schemas.files[version] == nil {
		content, err := schemaOf(t.Context(), filepath.Join(t.TempDir(), "template.db"), version)
		if err != nil {
			t.Fatal(err)
		}
		schemas.files[version] = content
	}
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, schemas.files[version], 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// schemaOf makes a file with the schema of a version, from that of the nearest older one that is known. The caller
// holds the lock of schemas.
func schemaOf(ctx context.Context, path string, version int64) ([]byte, error) {
	var nearest int64
	for known := range schemas.files {
		if known < version {
			nearest = max(nearest, known)
		}
	}
	if nearest > 0 {
		if err := os.WriteFile(path, schemas.files[nearest], 0o600); err != nil {
			return nil, err
		}
	}
	if err := migrateTo(ctx, "sqlite:"+path, version); err != nil {
		return nil, fmt.Errorf("making schema %d: %w", version, err)
	}
	return os.ReadFile(path)
}

// migrateTo migrates a database up to a version.
func migrateTo(ctx context.Context, url string, version int64) error {
	d, err := connect(url, Options{}.filled())
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.check(ctx); err != nil {
		return err
	}
	p, err := d.provider()
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return err
	}
	return d.Close()
}

// versions returns the numbers of all migrations, in their order.
func versions(t *testing.T) (out []int64) {
	t.Helper()
	d, err := connect(emptySQLite(t), Options{}.filled())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := d.provider()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range p.ListSources() {
		out = append(out, m.Version)
	}
	return out
}
