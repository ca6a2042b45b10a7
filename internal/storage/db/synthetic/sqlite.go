package synthetic

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteStore writes a SQLite file that no other process has open.
type sqliteStore struct {
	path    string
	handle  *sql.DB
	conn    *sql.Conn
	indexes []string // SQL of the dropped indexes
}

// Settings for speed only: no journal, no syncing, pages in memory.
const (
	fastPragmas  = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -3000000; PRAGMA foreign_keys = OFF"
	finalPragmas = "PRAGMA journal_mode = WAL"
)

func openSQLite(ctx context.Context, path string) (*sqliteStore, error) {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(5000)"}
	handle, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	conn, err := handle.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, handle.Close())
	}
	return &sqliteStore{path: path, handle: handle, conn: conn}, nil
}

func (s *sqliteStore) number(ctx context.Context, q string) (n int64, err error) {
	err = s.conn.QueryRowContext(ctx, q).Scan(&n)
	return n, err
}

func (s *sqliteStore) text(ctx context.Context, q string) (out string, err error) {
	err = s.conn.QueryRowContext(ctx, q).Scan(&out)
	return out, err
}

func (s *sqliteStore) bytes(context.Context) (n int64, err error) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n, nil
}

// begin drops the indexes. Recreating them sorts once, while maintaining them would look up each row.
func (s *sqliteStore) begin(ctx context.Context) error {
	if err := s.exec(ctx, fastPragmas); err != nil {
		return err
	}
	rows, err := s.conn.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return err
		}
		names, s.indexes = append(names, name), append(s.indexes, text)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range names {
		if err := s.exec(ctx, `DROP INDEX `+name); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteStore) add(ctx context.Context, b *batch) error {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for i, rows := range b.rows {
		t, from := tables[i], 0
		if i == texts {
			t, from = table{"project_text", append([]string{"rowid"}, t.columns[2:]...)}, 1
		}
		if i == blobs { // the key is computed
			t.columns = t.columns[:len(t.columns)-1]
		}
		if err := insert(ctx, tx, t, rows, from); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO counters (name, value) VALUES ($1, $2), ('serial', $3) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		nextName, b.upTo, b.serial)
	if err != nil {
		return err
	}
	return tx.Commit()
}

// insert writes rows without their first from values.
func insert(ctx context.Context, tx *sql.Tx, t table, rows [][]any, from int) error {
	places := strings.TrimSuffix(strings.Repeat("?,", len(t.columns)), ",")
	s, err := tx.PrepareContext(ctx, `INSERT INTO `+t.name+` (`+strings.Join(t.columns, ", ")+`) VALUES (`+places+`)`)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, r := range rows {
		// A cancelable context costs the driver a goroutine for each row.
		if _, err := s.ExecContext(context.WithoutCancel(ctx), r[from:from+len(t.columns)]...); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *sqliteStore) finish(ctx context.Context) error {
	for _, q := range append(s.indexes, sizesQuery, finalPragmas) {
		if err := s.exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteStore) exec(ctx context.Context, q string) error {
	_, err := s.conn.ExecContext(ctx, q)
	return err
}

func (s *sqliteStore) close(context.Context) error {
	return errors.Join(s.conn.Close(), s.handle.Close())
}
