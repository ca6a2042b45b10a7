package db

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"pyindex/internal/backup"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// moved lists the tables that Move copies, each after the tables it references. Cards are rebuilt from the other
// tables, because each database has its own full-text index.
var moved = []string{
	"repositories", "users", "profiles", "projects", "releases", "metadata_bases", "release_metadata", "files", "file_metadata", "file_claims", "file_members",
	"attestations", "tombstones", "blobs", "grants", "groups", "group_members", "group_grants", "services", "publishers",
	"project_publishers", "repository_publishers",
	"pending_publishers", "uploads_beside_publishers", "readers", "reader_projects", "tokens", "token_projects",
	"token_readers", "token_names",
	"jtis", "audit", "sessions", "links", "totps", "recovery_codes", "passkeys", "challenges", "keys", "outbox",
	"identities", "devices", "attempts",
	"downloads", "names", "deleted_projects", "deleted_project_owners", "subscriptions",
	"upstreams", "repository_bases", "name_sources", "name_rulings", "reservations", "upstream_files", "upstream_left", "file_readers",
	"imports", "import_files", "file_origins", "download_bases", "alias_uses", "instances", "import_projects",
	"feeds", "advisories",
	"file_rulings", "accepted_returns", "exemptions", "exemption_files", "exemption_requests",
}

// rebuilt lists the tables that Move leaves empty. catalog.Index.Backfill fills the cards and requirements, later
// changes fill serial_marks, the next check of the blobs at the new place fills byte_checks, the server's next start
// fills serving, and what upstreams answered is read again. Backups are those of the old place. The copy of names is
// written whole at the new place. Triggers fill grant_marks.
var rebuilt = []string{
	"project_cards", "requirements", "byte_checks", "serial_marks", "serving",
	"upstream_pages", "upstream_lists", "upstream_leases", "leases", "backups", "names_unsaved",
	"grant_marks",
}

// Marks in the table of counters. A database marked as moved accepts no changes. A database marked as arriving holds an
// unconfirmed copy and may be filled again.
const (
	movedMark    = "moved"
	arrivingMark = "arriving"
)

// moveBatch limits the rows of one insert; the dialect limits its parameters.
const moveBatch = 500

// TableMoved is a table that was copied and verified.
type TableMoved struct {
	Name string
	Rows int64
}

// Move copies all rows to another database, which must be empty or hold an unfinished copy. While Move runs, no other
// process can write to d. Move first calls keep with a function that yields the blobs that the rows need. When keep
// returns nil, all of them must exist at the new place. The rows become visible there at once, after each table was
// read back and compared. Then d is marked as moved: every later change, from any process, returns fault.Unavailable
// with a message about the move. The serial continues.
//
// Move returns fault.Conflict if the other database has content of its own, or if d has already been moved.
func (d *DB) Move(ctx context.Context, to *DB,
	keep func(each func(func(custody.Stored) error) error) error,
) ([]TableMoved, error) {
	var done []TableMoved
	err := d.update(ctx, func(from *Tx) error {
		if err := from.mayMove(ctx); err != nil {
			return err
		}
		if err := keep(func(f func(custody.Stored) error) error { return from.stored(ctx, f) }); err != nil {
			return err
		}
		var err error
		if done, err = from.copyTo(ctx, to); err != nil {
			return err
		}
		_, err = from.exec(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)`, movedMark, micros(d.options.Now()))
		return err
	})
	if err != nil {
		return nil, err
	}
	// From here on the copy is the index, whether or not this mark is removed.
	return done, to.unmark(ctx, arrivingMark)
}

// Stay undoes the mark of a move, so that d accepts changes again. Changes made to the copy are not in d. Stay reports
// whether d was marked.
func (d *DB) Stay(ctx context.Context) (bool, error) {
	was := false
	err := d.update(ctx, func(t *Tx) (err error) {
		was, err = t.did(ctx, `DELETE FROM counters WHERE name = $1`, movedMark)
		if err == nil && was {
			_, err = t.skip(ctx, 0) // the copy may have used the next values
		}
		return err
	})
	return was, err
}

// MovedAt returns when d was moved, or the zero time if it was not.
func (d *DB) MovedAt(ctx context.Context) (at time.Time, err error) {
	err = d.view(ctx, func(t *Tx) error {
		us, err := t.mark(ctx, movedMark)
		at = moment(us)
		return err
	})
	return at, err
}

// EachStored calls f for each blob that rows reference, as of one snapshot.
func (d *DB) EachStored(ctx context.Context, f func(custody.Stored) error) error {
	return d.view(ctx, func(t *Tx) error { return t.stored(ctx, f) })
}

// ErrMoved returns fault.Conflict for an index that was moved at the given time, and nil for the zero time.
func ErrMoved(at time.Time) error {
	if at.IsZero() {
		return nil
	}
	return fault.New(fault.Conflict,
		"this index was already moved, on %s: run index migrate --stay to accept changes here again",
		at.Format(time.DateTime))
}

func (d *DB) unmark(ctx context.Context, mark string) error {
	return d.update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM counters WHERE name = $1`, mark)
		return err
	})
}

// mark returns the value of a mark, or 0 if there is none.
func (t *Tx) mark(ctx context.Context, name string) (int64, error) {
	n, err := one(ctx, t, "mark", scanNumber, `SELECT value FROM counters WHERE name = $1`, name)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return n, err
}

func (t *Tx) mayMove(ctx context.Context) error {
	us, err := t.mark(ctx, movedMark)
	if err == nil && us != 0 {
		err = ErrMoved(moment(us))
	}
	if err == nil {
		err = t.patient(ctx)
	}
	return err
}

// patient lets a transaction stay idle between statements while the other database works.
func (t *Tx) patient(ctx context.Context) error {
	if t.db.dialect.patient == "" {
		return nil
	}
	_, err := t.exec(ctx, t.db.dialect.patient)
	return err
}

// stored calls f for each blob that rows reference.
func (t *Tx) stored(ctx context.Context, f func(custody.Stored) error) error {
	const page = 1000
	for after := (custody.Stored{}); ; {
		some, err := t.StoredAfter(ctx, after, page)
		if err != nil {
			return err
		}
		for _, s := range some {
			if err := f(s); err != nil {
				return err
			}
			after = s
		}
		if len(some) < page {
			return nil
		}
	}
}

// copyTo fills to with the rows that t sees, in one transaction.
func (t *Tx) copyTo(ctx context.Context, to *DB) (done []TableMoved, err error) {
	serial, err := t.mark(ctx, "serial")
	if err != nil {
		return nil, err
	}
	err = to.update(ctx, func(into *Tx) error {
		done = nil
		if err := into.patient(ctx); err != nil {
			return err
		}
		if err := into.clear(ctx); err != nil {
			return err
		}
		for _, table := range moved {
			n, err := t.copyTable(ctx, into, table)
			if err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
			done = append(done, TableMoved{table, n})
		}
		if err := into.leaveUpstreamContent(ctx); err != nil {
			return err
		}
		// The rows and their serials are those of the old place. Later values belong to the copy.
		if _, err := into.exec(ctx,
			`UPDATE counters SET value = $1, began = $2, epoch = $3, mark = $4 WHERE name = 'serial'`, serial, serial+1,
			rand.Text(), newMark()); err != nil {
			return err
		}
		_, err := into.exec(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)`, arrivingMark, micros(to.options.Now()))
		return err
	})
	return done, err
}

// leaveUpstreamContent makes the rows of a copy say that the content of upstreams did not come along, except content
// that is also that of an own file. It is fetched again when it is asked for.
func (t *Tx) leaveUpstreamContent(ctx context.Context) error {
	for _, q := range []string{
		`UPDATE upstream_files SET stored = FALSE WHERE stored
			AND NOT EXISTS (SELECT 1 FROM files f WHERE ` + sameDigest(`f.sha256`, `upstream_files.sha256`) + ` AND f.generation = upstream_files.generation)`,
		`UPDATE upstream_files SET metadata_stored = FALSE, provenance_stored = FALSE WHERE metadata_stored OR provenance_stored`,
		`UPDATE blobs SET settled = FALSE WHERE NOT dropping AND NOT ` + blobUsed,
	} {
		if _, err := t.exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// clear empties a database that holds only the rows created by Open, or an unfinished copy.
func (t *Tx) clear(ctx context.Context) error {
	arriving, err := t.mark(ctx, arrivingMark)
	if err != nil {
		return err
	}
	for _, table := range []string{"projects", "users", "audit"} {
		some, err := many(ctx, t, scanCount, `SELECT 1 FROM `+table+` LIMIT 1`)
		if err != nil {
			return err
		}
		if len(some) > 0 && arriving == 0 {
			return fault.New(fault.Conflict, "the other database already contains an index: specify an empty one")
		}
	}
	backward := slices.Clone(moved)
	slices.Reverse(backward)
	for _, table := range slices.Concat(rebuilt, backward) {
		if _, err := t.exec(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	_, err = t.exec(ctx, `DELETE FROM counters WHERE name <> 'serial'`)
	return err
}

// copyTable copies one table, reads it back and compares. It returns the number of rows.
func (t *Tx) copyTable(ctx context.Context, into *Tx, table string) (int64, error) {
	columns, kinds, err := into.columns(ctx, table)
	if err != nil {
		return 0, err
	}
	b := &batch{into: into, table: table, columns: columns}
	sent, err := t.eachRow(ctx, table, columns, kinds, func(values []any) error { return b.add(ctx, values) })
	if err == nil {
		err = b.flush(ctx)
	}
	if err != nil {
		return 0, err
	}
	got, err := into.eachRow(ctx, table, columns, kinds, func([]any) error { return nil })
	if err == nil && got != sent {
		err = fault.New(fault.Internal, "%d rows were copied, but %d rows or other content was read back", sent.Rows,
			got.Rows)
	}
	return sent.Rows, err
}

// columns returns the columns of a table and whether each one is boolean.
func (t *Tx) columns(ctx context.Context, table string) (names []string, booleans []bool, err error) {
	names, booleans, _, err = t.columnKinds(ctx, table)
	return names, booleans, err
}

// columnKinds returns the columns of a table, and whether each one is boolean or contains bytes.
func (t *Tx) columnKinds(ctx context.Context, table string) (names []string, booleans, binary []bool, err error) {
	rows, err := t.inner.QueryContext(t.db.watched(ctx), `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		return nil, nil, nil, t.db.dialect.explain(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, nil, nil, err
	}
	for _, c := range types {
		names = append(names, c.Name())
		booleans = append(booleans, strings.HasPrefix(c.DatabaseTypeName(), "BOOL"))
		binary = append(binary, c.DatabaseTypeName() == "BYTEA")
	}
	return names, booleans, binary, rows.Err()
}

// tally summarizes the rows of a table regardless of their order.
type tally = backup.Tally

// eachRow calls f for the rows of a table, with values as int64, bool, string and, in columns of bytes, []byte.
func (t *Tx) eachRow(ctx context.Context, table string, columns []string, booleans []bool,
	f func([]any) error,
) (c tally, err error) {
	all, _, bytes, err := t.columnKinds(ctx, table)
	if err != nil {
		return c, err
	}
	binary := make([]bool, len(columns))
	for i, name := range columns {
		binary[i] = bytes[slices.Index(all, name)]
	}
	into := scanInto(booleans)
	err = t.query(ctx, func(r row) error {
		if err := r.Scan(into...); err != nil {
			return err
		}
		values := make([]any, len(columns))
		if err := plain(into, binary, values); err != nil {
			return err
		}
		if err := c.Add(values); err != nil {
			return err
		}
		return f(values)
	}, `SELECT `+strings.Join(columns, ", ")+` FROM `+table)
	return c, err
}

// scanInto returns the destinations into which a row is scanned.
func scanInto(booleans []bool) []any {
	into := make([]any, len(booleans))
	for i := range into {
		if booleans[i] {
			into[i] = new(bool)
		} else {
			into[i] = new(any)
		}
	}
	return into
}

// plain dereferences scanned values of the types that the schema uses. Bytes remain bytes in binary columns.
func plain(scanned []any, binary []bool, values []any) error {
	for i, p := range scanned {
		switch p := p.(type) {
		case *bool:
			values[i] = *p
		case *any:
			switch v := (*p).(type) {
			case nil, int64, string:
				values[i] = v
			case []byte:
				switch {
				case !binary[i]:
					values[i] = string(v)
				case v == nil: // SQLite's driver reads an empty value as a nil slice, and would write that as NULL
					values[i] = []byte{}
				default:
					values[i] = v
				}
			default:
				return fault.New(fault.Internal, "a column contains a %T", v)
			}
		}
	}
	return nil
}

// batch inserts many rows with each statement.
type batch struct {
	into    *Tx
	table   string
	columns []string
	args    []any
	rows    int
	stored  []int // the columns that are not computed; nil before the first row
}

func (b *batch) add(ctx context.Context, values []any) error {
	if b.stored == nil {
		if err := b.begin(ctx); err != nil {
			return err
		}
	}
	for _, i := range b.stored {
		b.args = append(b.args, values[i])
	}
	b.rows++
	if b.full(len(b.stored)) {
		return b.flush(ctx)
	}
	return nil
}

// begin finds the columns that the database does not compute.
func (b *batch) begin(ctx context.Context) error {
	var computed []string
	if b.into.db.dialect.computesKeys {
		var err error
		computed, err = many(ctx, b.into, scanText, `SELECT name FROM pragma_table_xinfo($1) WHERE hidden IN (2, 3)`, b.table)
		if err != nil {
			return err
		}
	}
	for i, name := range b.columns {
		if !slices.Contains(computed, name) {
			b.stored = append(b.stored, i)
		}
	}
	return nil
}

// full reports whether another row would exceed a limit.
func (b *batch) full(columns int) bool {
	return b.rows >= moveBatch || len(b.args)+columns > b.into.db.dialect.params
}

func (b *batch) flush(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	var q strings.Builder
	names := make([]string, len(b.stored))
	for n, i := range b.stored {
		names[n] = b.columns[i]
	}
	fmt.Fprintf(&q, "INSERT INTO %s (%s) VALUES ", b.table, strings.Join(names, ", "))
	for n := range b.args {
		switch {
		case n == 0:
			q.WriteString("(")
		case n%len(b.stored) == 0:
			q.WriteString("), (")
		default:
			q.WriteString(", ")
		}
		fmt.Fprintf(&q, "$%d", n+1)
	}
	q.WriteString(")")
	_, err := b.into.exec(ctx, q.String(), b.args...)
	b.args, b.rows = b.args[:0], 0
	return err
}
