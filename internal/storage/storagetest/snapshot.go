package storagetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Snapshot is a copy of all rows of a database. Restoring it simulates a restore, or a failover that lost commits.
type Snapshot struct {
	t     testing.TB
	url   string
	path  string // of the copy; SQLite
	where string // schema of the copy; PostgreSQL
}

// TakeSnapshot copies the database at a URL while it is in use.
func TakeSnapshot(t testing.TB, location string) Snapshot {
	t.Helper()
	s := Snapshot{t: t, url: location}
	if path, ok := strings.CutPrefix(location, "sqlite:"); ok {
		s.path = filepath.Join(t.TempDir(), "copy.db")
		s.run(s.open(path), `VACUUM INTO '`+s.path+`'`)
		return s
	}
	s.where = "copy" + strings.ToLower(rand.Text())
	h := s.open(location)
	s.run(h, `CREATE SCHEMA `+s.where)
	t.Cleanup(func() { s.run(s.open(location), `DROP SCHEMA `+s.where+` CASCADE`) })
	for _, table := range s.tables(h) {
		s.run(h, `CREATE TABLE `+s.where+`.`+table+` AS TABLE `+table)
	}
	return s
}

// Restore restores the copy in one transaction, while the database is in use.
func (s Snapshot) Restore() {
	s.t.Helper()
	location, from := s.url, s.where
	// no foreign keys while tables are restored one by one
	begin := []string{`BEGIN`, `SET LOCAL session_replication_role = replica`}
	if s.path != "" {
		location, from = strings.TrimPrefix(s.url, "sqlite:"), "copy"
		begin = []string{`ATTACH '` + s.path + `' AS copy`, `BEGIN IMMEDIATE`}
	}
	h := s.open(location)
	tables := s.tables(h)
	c, err := h.Conn(context.WithoutCancel(s.t.Context())) // a pool would end a transaction between two statements
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if s.path == "" { // as every writer does
		begin = append(begin, `SELECT pg_advisory_xact_lock(hashtext('pyindex ' || current_schema()))`)
	}
	for _, q := range begin {
		s.run(c, q)
	}
	for _, table := range tables {
		s.run(c, `DELETE FROM `+table)
		columns := s.columns(c, table)
		s.run(c, `INSERT INTO `+table+` (`+columns+`) SELECT `+columns+` FROM `+from+`.`+table)
	}
	s.run(c, `COMMIT`)
}

// columns returns the columns of a table that are not computed.
func (s Snapshot) columns(c *sql.Conn, table string) string {
	s.t.Helper()
	q := `SELECT '"' || name || '"' FROM pragma_table_xinfo('` + table + `') WHERE hidden = 0`
	if s.path == "" {
		q = `SELECT '"' || column_name || '"' FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = '` + table + `'`
	}
	rows, err := c.QueryContext(s.t.Context(), q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(all, ", ")
}

// Replace replaces a SQLite file in use with the copy, as an administrator would who forgot to stop the index. If log
// is set, Replace also removes the write-ahead log of the old file.
func (s Snapshot) Replace(log bool) {
	s.t.Helper()
	path := strings.TrimPrefix(s.url, "sqlite:")
	text, err := os.ReadFile(s.path)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0o600)
	}
	for _, end := range []string{"-wal", "-shm"} {
		if err == nil && log {
			err = os.Remove(path + end)
		}
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// open returns a pool of one connection. It is closed when the test ends, or when a statement fails.
func (s Snapshot) open(location string) *sql.DB {
	s.t.Helper()
	driver := "pgx"
	if !strings.Contains(location, "://") {
		driver = "sqlite"
		location = (&url.URL{Scheme: "file", Path: location, RawQuery: "_pragma=busy_timeout(10000)"}).String()
	}
	h, err := sql.Open(driver, location)
	if err != nil {
		s.t.Fatal(err)
	}
	h.SetMaxOpenConns(1)
	s.t.Cleanup(func() { h.Close() })
	return h
}

type runner interface {
	ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error)
}

func (s Snapshot) run(h runner, q string) {
	s.t.Helper()
	if _, err := h.ExecContext(context.WithoutCancel(s.t.Context()), q); err != nil {
		s.t.Fatalf("%s: %v", q, err)
	}
}

// tables returns the tables of an index, without SQLite's full-text search.
func (s Snapshot) tables(h *sql.DB) (out []string) {
	s.t.Helper()
	q := `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%'`
	if s.path != "" {
		q = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%' AND name NOT LIKE 'project_text%'`
	}
	rows, err := h.QueryContext(context.WithoutCancel(s.t.Context()), q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		out = append(out, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}
