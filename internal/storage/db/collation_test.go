package db

import (
	"database/sql"
	"slices"
	"strings"
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

// TestNamesFromUsesIndex checks that a range of names is read from the index, whatever the collation of the database.
func TestNamesFromUsesIndex(t *testing.T) {
	postgrestest.Skip(t)
	d := openAt(t, postgrestest.Linguistic(t), Options{})
	tx, err := d.read.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), `SET LOCAL enable_seqscan = off`); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.QueryContext(t.Context(), `EXPLAIN (COSTS OFF) SELECT c.name FROM project_cards c
		WHERE c.repository_id = 'r' AND c.name >= 're' AND c.name < 'rf' ORDER BY c.name LIMIT 10`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if got := plan.String(); !strings.Contains(got, "project_cards_name") || !strings.Contains(got, "name >= 're'") ||
		strings.Contains(got, "Sort") || strings.Contains(got, "Filter") {
		t.Errorf("the plan is\n%s", got)
	}
}
