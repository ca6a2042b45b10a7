package db

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestALargeStatementCanBeUndone: a statement, and a transaction that joins another one, may change more than SQLite
// keeps in memory to undo it.
func TestALargeStatementCanBeUndone(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	err := d.update(t.Context(), func(tx *Tx) error {
		for range 4000 {
			_, err := tx.exec(t.Context(), `INSERT INTO counters (name, value)
				SELECT 'large ' || (SELECT COUNT(*) FROM counters) || $1, 1`, strings.Repeat("x", 1000))
			if err != nil {
				return err
			}
		}
		_, err := tx.exec(t.Context(), `UPDATE counters SET value = 2 WHERE name LIKE 'large %'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	undone := errors.New("undone")
	if err := d.update(t.Context(), func(tx *Tx) error {
		if _, err := tx.exec(t.Context(), `UPDATE counters SET value = 3 WHERE name LIKE 'large %'`); err != nil {
			return err
		}
		return undone
	}); !errors.Is(err, undone) {
		t.Fatalf("update() = %v", err)
	}
	var n int
	if err := d.read.QueryRowContext(t.Context(),
		`SELECT COUNT(*) FROM counters WHERE name LIKE 'large %' AND value = 2`).Scan(&n); err != nil || n != 4000 {
		t.Errorf("%d rows have the last value that was not undone, %v; want 4000", n, err)
	}
}

// TestJoiningWritesNoTemporaryFile: once updates have shared a transaction, one that joins another and changes as much as
// an upload writes no temporary file to be undone, also on a new connection.
func TestJoiningWritesNoTemporaryFile(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		t.Skip("open files are counted in /proc")
	}
	d := openAt(t, freshSQLite(t), Options{})
	ctx := t.Context()
	err := d.update(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
			INSERT INTO counters (name, value) SELECT 'large ' || i || $1, 1 FROM n`, strings.Repeat("x", 1000))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	change := func() int {
		files := 0
		joined(t, d, func(tx *Tx) error {
			before := temporaryFiles(t)
			_, err := tx.exec(ctx, `UPDATE counters SET value = value + 1 WHERE name LIKE 'large %'`)
			files = temporaryFiles(t) - before
			return err
		})
		return files
	}
	for _, renewed := range []bool{false, true} {
		if renewed {
			d.life.renew()
		}
		if n := change(); n == 0 {
			t.Fatal("the first shared transaction wrote no temporary file: the test changes too little")
		}
		if n := change(); n != 0 {
			t.Errorf("an update that joined a transaction wrote %d temporary files, on a renewed connection: %t", n, renewed)
		}
	}
}

// joined runs f in a transaction that another update began.
func joined(t *testing.T, d *DB, f func(*Tx) error) {
	t.Helper()
	var wg sync.WaitGroup
	err := d.update(t.Context(), func(*Tx) error {
		wg.Go(func() {
			if err := d.update(t.Context(), f); err != nil {
				t.Error(err)
			}
		})
		for d.Waiting() == 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// temporaryFiles counts the open temporary files of SQLite, which no longer have names.
func temporaryFiles(t *testing.T) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil && strings.HasSuffix(to, " (deleted)") {
			n++
		}
	}
	return n
}
