package storagetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pyindex/internal/storage/db"
	"pyindex/internal/storage/postgrestest"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL server on which tests may create
// schemas.
const PostgresVariable = postgrestest.Variable

// EachDatabase runs f on SQLite, and on PostgreSQL if INDEX_TEST_POSTGRES names a server. If CI=true, a missing server
// is a failure. fresh creates a database without rows and returns its URL. On SQLite all migrations have been applied.
func EachDatabase(t *testing.T, f func(t *testing.T, fresh func(*testing.T) string)) {
	each(t, f, SQLite, Postgres)
}

// EachLinguistic is EachDatabase with PostgreSQL in a database that sorts text as a dictionary does.
func EachLinguistic(t *testing.T, f func(t *testing.T, fresh func(*testing.T) string)) {
	each(t, f, SQLite, postgrestest.Linguistic)
}

// EachEmptyDatabase is EachDatabase with databases that have no migrations applied.
func EachEmptyDatabase(t *testing.T, f func(t *testing.T, fresh func(*testing.T) string)) {
	each(t, f, func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "data", "index.db") }, Postgres)
}

func each(t *testing.T, f func(*testing.T, func(*testing.T) string), sqlite, postgres func(testing.TB) string) {
	t.Run("sqlite", func(t *testing.T) { f(t, func(t *testing.T) string { return sqlite(t) }) })
	t.Run("postgres", func(t *testing.T) {
		postgrestest.Skip(t)
		f(t, func(t *testing.T) string { return postgres(t) })
	})
}

// SQLite returns the URL of a new file "index.db" in its own folder. All migrations have been applied, and there are no
// rows. Migrating takes longer than most tests, so each process does it once and copies the result.
func SQLite(t testing.TB) string {
	t.Helper()
	content, err := migratedSQLite()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

var migratedSQLite = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "index-template")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "index.db")
	d, err := db.Open(context.Background(), "sqlite:"+path, db.Options{})
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	// Open created these, but a test's options may require other values.
	if err := postgrestest.Execute("sqlite", path, `DELETE FROM repositories`,
		`UPDATE counters SET epoch = ''`); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres creates a schema for one test on the server of INDEX_TEST_POSTGRES and returns its URL.
func Postgres(t testing.TB) string {
	t.Helper()
	return postgrestest.Schema(t)
}

// OpenDB opens a database for the duration of a test.
func OpenDB(t *testing.T, url string, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, o)
	if err != nil {
		t.Fatalf("Open(%s) = %v", url, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return d
}
