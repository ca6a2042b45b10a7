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

// Tx is a transaction: all rows, for everybody who needs some. It is good until the function that got it returns, and
// for one goroutine. Reads of one row return fault.NotFound where there is none; an insert of what a unique constraint
// has already returns fault.Conflict, and the transaction can go on.
type Tx struct {
	db    *DB
	inner *sql.Tx
	conn  *sql.Conn
}

// end gives up what was not committed, and the connection.
func (t *Tx) end() {
	t.inner.Rollback() // after Commit this does nothing
	t.conn.Close()
}

// row is what a scan function reads from: one row of a result.
type row interface{ Scan(into ...any) error }

// exec runs a statement and returns how many rows it changed.
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

// did is exec for callers that want to know only whether a row was changed.
func (t *Tx) did(ctx context.Context, q string, args ...any) (bool, error) {
	n, err := t.exec(ctx, q, args...)
	return n > 0, err
}

// insert is exec for a statement that ends in ON CONFLICT DO NOTHING; no row is fault.Conflict about what. A failed
// statement would end a PostgreSQL transaction, one that does nothing leaves it usable.
func (t *Tx) insert(ctx context.Context, what, q string, args ...any) error {
	n, err := t.exec(ctx, q, args...)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "%s exists already", what)
	}
	return err
}

// query runs a statement with rows and gives each to each.
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

// failed returns err with the statement that failed, "insert files: ...", explained as the dialect does. Faults stay as
// they are.
func (t *Tx) failed(q string, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	return t.db.dialect.explain(fmt.Errorf("%s: %w", operation(q), err))
}

// statementHead finds the verb and the first table of a statement.
var statementHead = regexp.MustCompile(
	`(?s)\b(?:(INSERT|UPDATE|DELETE)|(SELECT)\b.*?\bFROM)(?: INTO| FROM)?\s+([a-z_]+)`,
)

// operation names a statement by its verb and its table, as "insert files". It never holds values.
func operation(q string) string {
	m := statementHead.FindStringSubmatch(q)
	if m == nil {
		verb, _, _ := strings.Cut(q, " ")
		return strings.ToLower(verb)
	}
	return strings.ToLower(m[1]+m[2]) + " " + m[3]
}

// one returns the first row of a statement, and fault.NotFound about what where there is none.
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

// many returns all rows of a statement.
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

// scanText scans a row of one text.
func scanText(r row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

// scanCount scans a row of one number.
func scanCount(r row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// legible refuses text that PostgreSQL cannot hold and SQLite would cut or mangle. Reads need no such care: what cannot
// be stored is not found.
func legible(args []any) error {
	for _, a := range args {
		if s, ok := a.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			return fault.New(fault.Invalid, "a text is not valid UTF-8 or holds a NUL byte")
		}
	}
	return nil
}

// micros is how rows keep a time: microseconds since 1970, and 0 for none.
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
