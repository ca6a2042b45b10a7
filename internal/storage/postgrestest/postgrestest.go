// Package postgrestest creates schemas for tests on the PostgreSQL server of INDEX_TEST_POSTGRES.
package postgrestest

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
)

// Variable names the environment variable with the URL of a PostgreSQL server that has ICU, and on which tests may
// create a database and schemas.
const Variable = "INDEX_TEST_POSTGRES"

// Skip skips the test if there is no server. If CI=true, a missing server is a failure.
func Skip(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) != "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not set", Variable)
	}
	t.Skipf("%s is not set", Variable)
}

// Schema creates a schema for the duration of a test, in the database of INDEX_TEST_POSTGRES, and returns its URL. The
// program must contain the driver pgx.
func Schema(t testing.TB) string {
	t.Helper()
	base, err := url.Parse(os.Getenv(Variable))
	if err != nil || base.Host == "" {
		t.Fatalf("%s is not the URL of a PostgreSQL server", Variable)
	}
	return create(t, *base)
}

// Linguistic is Schema in a database that sorts text as a dictionary does, ignoring hyphens, and not by its bytes.
// Databases that are created with the defaults of a server do so too.
func Linguistic(t testing.TB) string {
	t.Helper()
	server, err := linguistic()
	if err != nil {
		t.Fatal(err)
	}
	return create(t, server)
}

func create(t testing.TB, server url.URL) string {
	t.Helper()
	schema := "t" + strings.ToLower(rand.Text())
	run := func(q string) {
		t.Helper()
		if err := Execute("pgx", server.String(), q); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE SCHEMA "` + schema + `"`)
	t.Cleanup(func() { run(`DROP SCHEMA "` + schema + `" CASCADE`) })
	u, q := server, server.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// linguistic returns the URL of the database, which the first test on a server creates. It is never dropped.
var linguistic = sync.OnceValues(func() (url.URL, error) {
	base, err := url.Parse(os.Getenv(Variable))
	if err != nil {
		return url.URL{}, err
	}
	there := *base
	there.Path = "/index_tests_en"
	if Execute("pgx", there.String(), `SELECT 1`) == nil {
		return there, nil
	}
	err = Execute("pgx", base.String(), `CREATE DATABASE index_tests_en TEMPLATE template0 ENCODING 'UTF8'
		LOCALE_PROVIDER icu ICU_LOCALE 'en-US-u-ka-shifted' LOCALE 'C'`)
	if err != nil && Execute("pgx", there.String(), `SELECT 1`) != nil { // no other process was faster
		return url.URL{}, err
	}
	return there, nil
})

// Execute runs statements on a new connection.
func Execute(driver, name string, statements ...string) error {
	h, err := sql.Open(driver, name)
	if err != nil {
		return err
	}
	defer h.Close()
	for _, q := range statements {
		if _, err := h.Exec(q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}
