package storagetest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/storage/db"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL server on which tests may make schemas.
const PostgresVariable = "INDEX_TEST_POSTGRES"

// EachDatabase runs f on SQLite, and on PostgreSQL where INDEX_TEST_POSTGRES says where. Under CI=true a missing server
// is a failure. fresh makes an empty database and returns its URL.
func EachDatabase(t *testing.T, f func(t *testing.T, fresh func(*testing.T) string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite) })
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(PostgresVariable) == "" && os.Getenv("CI") != "true" {
			t.Skipf("%s is not set", PostgresVariable)
		}
		f(t, func(t *testing.T) string { return Postgres(t) })
	})
}

// SQLite returns the URL of a file that does not exist yet.
func SQLite(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "data", "index.db")
}

// Postgres makes a schema for one test on the server of INDEX_TEST_POSTGRES and returns the URL that leads to it.
func Postgres(t testing.TB) string {
	t.Helper()
	base, err := url.Parse(os.Getenv(PostgresVariable))
	if err != nil || base.Host == "" {
		t.Fatalf("%s is not the URL of a PostgreSQL server", PostgresVariable)
	}
	schema := "t" + strings.ToLower(rand.Text())
	run := func(q string) {
		t.Helper()
		h, err := sql.Open("pgx", base.String())
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if _, err := h.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	run(`CREATE SCHEMA "` + schema + `"`)
	t.Cleanup(func() { run(`DROP SCHEMA "` + schema + `" CASCADE`) })
	q := base.Query()
	q.Set("search_path", schema)
	base.RawQuery = q.Encode()
	return base.String()
}

// OpenDB opens a database for the length of a test.
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
