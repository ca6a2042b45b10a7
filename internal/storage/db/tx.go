package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pyindex/internal/fault"
)

// Tx is a transaction. It is valid until the function that received it returns, and for one goroutine. Reads of one row
// return fault.NotFound if there is none. Inserts that violate a unique constraint return fault.Conflict, and the
// transaction can continue.
type Tx struct {
	db    *DB
	inner *sql.Tx
	conn  *sql.Conn
	fixed bool // a view, whose rows do not change
	found hits // of the last search in a view
}

// end rolls back if the transaction was not committed, and returns the connection.
func (t *Tx) end() {
	t.inner.Rollback() // does nothing after Commit
	t.conn.Close()
}

// row is one row of a result, for scan functions.
type row interface{ Scan(into ...any) error }

// exec runs a statement and returns the number of rows it changed.
func (t *Tx) exec(ctx context.Context, q string, args ...any) (int64, error) {
	if err := errors.Join(ctx.Err(), legible(args)); err != nil {
		return 0, err
	}
	result, err := t.inner.ExecContext(t.db.watched(ctx), q, args...)
	if err != nil {
		return 0, t.failed(q, err)
	}
	return result.RowsAffected()
}

// did runs a statement and reports whether it changed a row.
func (t *Tx) did(ctx context.Context, q string, args ...any) (bool, error) {
	n, err := t.exec(ctx, q, args...)
	return n > 0, err
}

// insert runs a statement that ends in ON CONFLICT DO NOTHING. It returns fault.Conflict with the given noun if no row
// was inserted. A failed statement would end a PostgreSQL transaction; a statement that does nothing leaves it usable.
func (t *Tx) insert(ctx context.Context, what, q string, args ...any) error {
	n, err := t.exec(ctx, q, args...)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "%s exists already", what)
	}
	return err
}

// query runs a statement and calls each for every row.
func (t *Tx) query(ctx context.Context, each func(row) error, q string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, err := t.inner.QueryContext(t.db.watched(ctx), q, args...)
	if err != nil {
		return t.failed(q, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return t.failed(q, err)
		}
	}
	return t.failed(q, rows.Err())
}

// failed wraps err with the statement's operation, "insert files: ...", and explains it. Faults are returned unchanged.
func (t *Tx) failed(q string, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	return t.db.dialect.explain(fmt.Errorf("%s: %w", operation(q), err))
}

// statementHead matches the verb and the first table of a statement.
var statementHead = regexp.MustCompile(
	`(?s)\b(?:(INSERT|UPDATE|DELETE)|(SELECT)\b.*?\bFROM)(?: INTO| FROM)?\s+([a-z_]+)`,
)

// operation names a statement by its verb and table, such as "insert files". The name never contains values.
func operation(q string) string {
	m := statementHead.FindStringSubmatch(q)
	if m == nil {
		verb, _, _ := strings.Cut(q, " ")
		return strings.ToLower(verb)
	}
	return strings.ToLower(m[1]+m[2]) + " " + m[3]
}

// one returns the first row of a statement. It returns fault.NotFound with the given noun if there is none.
func one[T any](ctx context.Context, t *Tx, what string, scan func(row) (T, error), q string, args ...any) (T, error) {
	out, err := many(ctx, t, scan, q, args...)
	if err != nil {
		return *new(T), err
	}
	if len(out) == 0 {
		return *new(T), fault.New(fault.NotFound, "no such %s", what)
	}
	return out[0], nil
}

func many[T any](ctx context.Context, t *Tx, scan func(row) (T, error), q string, args ...any) ([]T, error) {
	var out []T
	err := t.query(ctx, func(r row) error {
		v, err := scan(r)
		if len(out) == cap(out) { // append alone would copy 10,000 files a dozen times
			out = slices.Grow(out, max(4, len(out)))
		}
		out = append(out, v)
		return err
	}, q, args...)
	return out, err
}

func scanText(r row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

func scanCount(r row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// legible rejects text that PostgreSQL cannot store and SQLite would cut or corrupt. Reads need no such check, because
// such text is never found.
func legible(args []any) error {
	for _, a := range args {
		if s, ok := a.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			return fault.New(fault.Invalid, "text is not valid UTF-8 or contains a NUL byte")
		}
	}
	return nil
}

// micros returns a time as stored in rows: microseconds since 1970, and 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reverses micros.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
