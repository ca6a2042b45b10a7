package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// collatePostgres makes the columns of our tables compare text by its bytes, as SQLite does, whatever the collation of
// the database is. A linguistic one ignores punctuation: ranges of names are wrong then, and lists are in another
// order. It also depends on the C library of the server's system, so an upgrade of that can damage indexes.
//
// It changes only the columns that still have the collation of the database, and is called after migrations, which
// create columns with that. Changing a column rebuilds its indexes, but not the table.
func collatePostgres(ctx context.Context, write *sql.DB) error {
	tx, err := write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	columns, err := linguistic(ctx, tx)
	if err != nil || len(columns) == 0 {
		return err
	}
	for table, names := range columns {
		changes := make([]string, len(names))
		for i, name := range names {
			changes[i] = `ALTER COLUMN "` + name + `" TYPE TEXT COLLATE "C"`
		}
		if _, err := tx.ExecContext(ctx, `ALTER TABLE "`+table+`" `+strings.Join(changes, ", ")); err != nil {
			return fmt.Errorf("changing the collation of %s: %w", table, err)
		}
	}
	return tx.Commit()
}

// linguistic returns the text columns of each of our tables that have the collation of the database, unless that
// compares bytes too.
func linguistic(ctx context.Context, tx *sql.Tx) (map[string][]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT c.relname, a.attname
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_database d ON d.datname = current_database()
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
		AND a.atttypid = 'text'::regtype AND a.attcollation = 'pg_catalog."default"'::regcollation
		AND NOT (d.datlocprovider = 'b' OR d.datlocprovider = 'c' AND UPPER(d.datcollate) IN ('C', 'POSIX', 'C.UTF-8', 'C.UTF8'))`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out, ours := map[string][]string{}, append(slices.Clone(moved), append(rebuilt, "counters")...)
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		if slices.Contains(ours, table) {
			out[table] = append(out[table], column)
		}
	}
	return out, rows.Err()
}
