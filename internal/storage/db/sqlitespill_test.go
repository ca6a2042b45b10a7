package db

import (
	"errors"
	"strings"
	"testing"
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
