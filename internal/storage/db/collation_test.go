package db

import (
	"database/sql"
	"slices"
	"testing"

	"pyindex/internal/storage/postgrestest"
)

// TestCollation checks that every text column compares bytes, in a database that does not: in one that this version
// creates, and in one of the version before. A table of others in the same schema is not changed.
func TestCollation(t *testing.T) {
	for name, version := range map[string]int64{"new": 0, "of the version before": 26} {
		t.Run(name, func(t *testing.T) {
			postgrestest.Skip(t)
			url := postgrestest.Linguistic(t)
			if version > 0 {
				fillOld(t, url, version)
			}
			if err := postgrestest.Execute("pgx", url, `CREATE TABLE others (name TEXT)`); err != nil {
				t.Fatal(err)
			}
			d := openAt(t, url, Options{})
			var sorts bool
			if err := d.read.QueryRowContext(t.Context(), `SELECT 'ab' < 'a-c'`).Scan(&sorts); err != nil || !sorts {
				t.Fatalf("the database of the tests compares bytes: %v", err)
			}
			if got := collated(t, d.read, "="); !slices.Equal(got, []string{"others.name"}) {
				t.Errorf("columns with the collation of the database: %q, want only the one that is not ours", got)
			}
			if got := collated(t, d.read, "<>"); len(got) < 100 {
				t.Errorf("only %d columns compare bytes", len(got))
			}
		})
	}
}

func collated(t *testing.T, h *sql.DB, operator string) (out []string) {
	t.Helper()
	rows, err := h.QueryContext(t.Context(), `SELECT c.relname || '.' || a.attname FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0
		AND a.atttypid = 'text'::regtype AND a.attcollation `+operator+` 'pg_catalog."default"'::regcollation`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			t.Fatal(err)
		}
		out = append(out, column)
	}
	return out
}
