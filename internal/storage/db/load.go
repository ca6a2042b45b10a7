package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/audit"
	"pyindex/internal/backup"
	"pyindex/internal/fault"
)

var _ backup.Target = (*DB)(nil)

// restoringMark is the mark of a database whose restore is not finished. Its value is the time of the start, and its
// epoch the id of the snapshot. Only Options.Restoring opens such a database.
const restoringMark = "restoring"

// checkRestored returns fault.Unavailable if a restore of the database is not finished.
func (d *DB) checkRestored(ctx context.Context) error {
	if d.options.Restoring {
		return nil
	}
	return d.view(ctx, func(t *Tx) error {
		m, err := t.marked(ctx, restoringMark)
		if err == nil && m.value != 0 {
			err = fault.New(fault.Unavailable,
				"the restore of the backup %s into this database was begun on %s and is not finished: run the same index restore again",
				m.epoch, moment(m.value).Format(time.DateTime))
		}
		return err
	})
}

// BeginRestore implements backup.Target.
func (d *DB) BeginRestore(ctx context.Context, snapshot string) (resumed bool, err error) {
	err = d.update(ctx, func(t *Tx) error {
		moved, err := t.mark(ctx, movedMark)
		if err != nil || moved != 0 {
			return errors.Join(err, ErrMoved(moment(moved)))
		}
		if err := t.empty(ctx); err != nil {
			return err
		}
		was, err := t.marked(ctx, restoringMark)
		resumed = was.epoch == snapshot
		if err != nil || resumed {
			return err
		}
		return t.putMarked(ctx, restoringMark, marked{value: micros(d.options.Now()), epoch: snapshot})
	})
	return resumed, err
}

// empty returns fault.Conflict if the database contains an index.
func (t *Tx) empty(ctx context.Context) error {
	for _, table := range []string{"projects", "users", "names", "audit"} {
		some, err := many(ctx, t, scanCount, `SELECT 1 FROM `+table+` LIMIT 1`)
		if err != nil {
			return err
		}
		if len(some) > 0 {
			return fault.New(fault.Conflict,
				"the database already contains an index: restore into an empty one (another data folder, or another database)")
		}
	}
	return nil
}

// Load implements backup.Target. Rows with an older schema are loaded into a temporary database of that schema, which
// is then migrated and copied, so that the database itself changes in one transaction in every case.
func (d *DB) Load(ctx context.Context, o backup.LoadOptions) (out backup.Loaded, err error) {
	know, err := d.SchemaVersion(ctx)
	if err != nil {
		return out, err
	}
	switch schema := o.Manifest.Schema; {
	case schema > know:
		return out, fault.New(fault.Conflict,
			"the backup has schema %d, but this version supports %d at most: restore it with version %s of the program or a newer one",
			schema, know, o.Manifest.Version)
	case schema < know:
		from, remove, err := d.scratch(ctx, o)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, remove()) }()
		err = from.view(ctx, func(t *Tx) error {
			return d.fill(ctx, o, &out, func(into *Tx) ([]backup.Table, error) { return t.copyAll(ctx, into) })
		})
		return out, err
	}
	err = d.fill(ctx, o, &out, func(into *Tx) ([]backup.Table, error) { return into.load(ctx, o) })
	return out, err
}

// fill writes the rows, by rows, and completes the restore, in one transaction.
func (d *DB) fill(ctx context.Context, o backup.LoadOptions, out *backup.Loaded,
	rows func(*Tx) ([]backup.Table, error),
) error {
	return d.update(ctx, func(t *Tx) error {
		*out = backup.Loaded{}
		if err := t.patient(ctx); err != nil {
			return err
		}
		if err := t.empty(ctx); err != nil {
			return err
		}
		if err := t.clear(ctx); err != nil {
			return err
		}
		var err error
		if out.Tables, err = rows(t); err != nil {
			return err
		}
		for _, table := range out.Tables {
			out.Rows += table.Rows
		}
		if !o.Manifest.WithCache {
			if err := t.leaveUpstreamContent(ctx); err != nil {
				return err
			}
		}
		return t.complete(ctx, o, out)
	})
}

// load reads the rows of a backup into the tables, reads them back and compares.
func (t *Tx) load(ctx context.Context, o backup.LoadOptions) ([]backup.Table, error) {
	tables, err := t.loadFrom(ctx, o.Rows, o.Manifest.Schema, slices.Concat(moved, cached), o.Progress)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(tables, o.Manifest.Tables) {
		return nil, fault.New(fault.Invalid, "the rows of the backup are not those that its manifest lists")
	}
	if o.Secrets == nil {
		return tables, nil
	}
	for _, table := range secret {
		if _, err := t.exec(ctx, `DELETE FROM `+table); err != nil {
			return nil, err
		}
	}
	_, err = t.loadFrom(ctx, o.Secrets, o.Manifest.Schema, secret, nil)
	return tables, err
}

func (t *Tx) loadFrom(ctx context.Context, open func() (io.ReadCloser, error), schema int64, allowed []string,
	progress func(int64),
) (out []backup.Table, err error) {
	from, err := open()
	if err != nil {
		return nil, err
	}
	defer from.Close()
	r, err := backup.NewRowsReader(from)
	if err != nil {
		return nil, err
	}
	if r.Header().Schema != schema {
		return nil, fault.New(fault.Invalid, "the rows have schema %d, but the manifest of the backup says %d",
			r.Header().Schema,
			schema)
	}
	rows := int64(0)
	for {
		name, columns, err := r.Next()
		if err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		// The names become a part of statements.
		if !slices.Contains(allowed, name) || slices.ContainsFunc(out, func(o backup.Table) bool { return o.Name == name }) {
			return nil, fault.New(fault.Invalid, "the backup has a table %.60q, which is not expected there", name)
		}
		if err := t.loadTable(ctx, r, name, columns, func() {
			if rows++; progress != nil && rows%dumpBatch == 0 {
				progress(rows)
			}
		}); err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		out = append(out, r.Table())
	}
}

// loadTable reads the rows of one table.
func (t *Tx) loadTable(ctx context.Context, r *backup.RowsReader, name string, columns []string, each func()) error {
	have, booleans, binary, err := t.columnKinds(ctx, name)
	if err != nil {
		return err
	}
	if !slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(columns))) {
		return fault.New(fault.Invalid, "the backup has the columns %.200q, but the table has %q", columns, have)
	}
	b := &batch{into: t, table: name, columns: columns}
	for {
		values, err := r.Row()
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if err := b.add(ctx, values); err != nil {
			return err
		}
		each()
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	return t.readBack(ctx, name, columns, have, booleans, binary, r.Table())
}

// readBack compares the rows of a table with those that were written to it.
func (t *Tx) readBack(ctx context.Context, name string, columns, have []string, booleans, binary []bool,
	want backup.Table,
) error {
	boolean, bytes := make([]bool, len(columns)), make([]bool, len(columns))
	for i, c := range columns {
		at := slices.Index(have, c)
		boolean[i], bytes[i] = booleans[at], binary[at]
	}
	into := scanInto(boolean)
	values := make([]any, len(columns))
	var got backup.Tally
	err := t.query(ctx, func(r row) error {
		if err := r.Scan(into...); err != nil {
			return err
		}
		if err := plain(into, bytes, values); err != nil {
			return err
		}
		return got.Add(values)
	}, `SELECT `+strings.Join(columns, ", ")+` FROM `+name)
	if err == nil && (got.Rows != want.Rows || got.Sum() != want.Sum) {
		err = fault.New(fault.Internal, "%d rows were written, but %d rows or other content was read back", want.Rows,
			got.Rows)
	}
	return err
}

// copyAll copies the tables of a temporary database. Cached pages of upstreams are read again.
func (t *Tx) copyAll(ctx context.Context, into *Tx) (out []backup.Table, err error) {
	for _, name := range moved {
		n, err := t.copyTable(ctx, into, name)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		out = append(out, backup.Table{Name: name, Rows: n})
	}
	return out, nil
}

// scratch returns a temporary SQLite database with the rows of a backup of an older schema, which was migrated to the
// present one, and a function that removes it.
func (d *DB) scratch(ctx context.Context, o backup.LoadOptions) (_ *DB, remove func() error, err error) {
	dir, err := os.MkdirTemp(o.Scratch, "restore-")
	if err != nil {
		return nil, nil, err
	}
	options := d.options
	options.Bridge, options.Restoring = 0, true
	from, err := connect("sqlite:"+filepath.Join(dir, "old.db"), options)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	remove = func() error { return errors.Join(from.Close(), os.RemoveAll(dir)) }
	err = from.dialect.check(ctx, from.write)
	if err == nil {
		err = from.upTo(ctx, o.Manifest.Schema)
	}
	if err == nil {
		err = from.update(ctx, func(t *Tx) error {
			for _, table := range slices.Backward(slices.Concat(moved, cached)) { // migrations may have inserted rows
				if has, err := t.has(ctx, table); err != nil || !has {
					if err != nil {
						return err
					}
					continue
				}
				if _, err := t.exec(ctx, `DELETE FROM `+table); err != nil {
					return err
				}
			}
			_, err := t.load(ctx, o)
			return err
		})
	}
	if err == nil {
		err = from.migrate(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return from, remove, nil
}

// has reports whether a SQLite database has a table.
func (t *Tx) has(ctx context.Context, table string) (bool, error) {
	some, err := many(ctx, t, scanCount, `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1`, table)
	return len(some) > 0, err
}

// upTo applies the migrations up to a schema.
func (d *DB) upTo(ctx context.Context, schema int64) error {
	p, err := d.provider()
	if err == nil {
		_, err = p.UpTo(ctx, schema)
	}
	return err
}

// complete completes the restore: a new epoch and id, the end of what may have been revoked, and the state recovered.
func (t *Tx) complete(ctx context.Context, o backup.LoadOptions, out *backup.Loaded) (err error) {
	now := t.db.options.Now()
	m := o.Manifest
	if _, err := t.exec(ctx, `UPDATE counters SET value = $1 WHERE name = 'serial'`, m.Serial); err != nil {
		return err
	}
	if out.Serial, err = t.skip(ctx, 0); err != nil {
		return err
	}
	if err := t.renewInstance(ctx, m.Instance, now); err != nil {
		return err
	}
	if out.Instance, err = t.instance(ctx); err != nil {
		return err
	}
	if err := t.endCredentials(ctx, o.KeepTokens, now, out); err != nil {
		return err
	}
	if out.LostFactors, err = many(ctx, t, scanText, `SELECT u.name FROM totps f JOIN users u ON u.id = f.user_id
		WHERE f.secret = '' AND f.confirmed_at > 0 ORDER BY u.name`); err != nil {
		return err
	}
	// An authenticator that was not confirmed yet is begun again.
	if _, err := t.exec(ctx, `DELETE FROM totps WHERE secret = '' AND confirmed_at = 0`); err != nil {
		return err
	}
	if err := t.noteRestored(ctx, o, now, out); err != nil {
		return err
	}
	if err := t.BeginRecovered(ctx, now, m.ID, m.At); err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM counters WHERE name = $1`, restoringMark)
	return err
}

// renewInstance gives the index a new id. Cursors and Via headers of the old one are not those of this index.
func (t *Tx) renewInstance(ctx context.Context, old string, now time.Time) error {
	if _, err := t.exec(ctx, `DELETE FROM keys WHERE name = $1`, instanceKey); err != nil {
		return err
	}
	if err := t.putInstance(ctx); err != nil || old == "" {
		return err
	}
	return t.NoteInstance(ctx, old, now)
}

// endCredentials ends what may have been ended or used after the backup: sessions, links, challenges, letters, minted
// tokens, and API tokens unless they are kept.
func (t *Tx) endCredentials(ctx context.Context, keepTokens bool, now time.Time, out *backup.Loaded) (err error) {
	for _, end := range []struct {
		n    *int64
		q    string
		args []any
	}{
		{&out.Sessions, `DELETE FROM sessions`, nil},
		{&out.Links, `DELETE FROM links`, nil},
		{new(int64), `DELETE FROM challenges`, nil},
		{new(int64), `DELETE FROM outbox`, nil},
		{
			&out.Minted, `UPDATE tokens SET revoked_at = $1 WHERE (kind <> 'api' OR single_use)
				AND (revoked_at = 0 OR revoked_at > $1) AND (expires_at = 0 OR expires_at > $1)`, []any{micros(now)},
		},
	} {
		if *end.n, err = t.exec(ctx, end.q, end.args...); err != nil {
			return err
		}
	}
	const alive = ` WHERE kind = 'api' AND (revoked_at = 0 OR revoked_at > $1) AND (expires_at = 0 OR expires_at > $1)`
	if keepTokens {
		out.TokensKept, err = one(ctx, t, "number", scanNumber, `SELECT COUNT(*) FROM tokens`+alive, micros(now))
		return err
	}
	out.Tokens, err = t.exec(ctx, `UPDATE tokens SET revoked_at = $1`+alive, micros(now))
	return err
}

// noteRestored writes the audit entry, which names the newest entry that was restored, and the row of the backup, whose
// content must not be freed if it is only in the store.
func (t *Tx) noteRestored(ctx context.Context, o backup.LoadOptions, now time.Time, out *backup.Loaded) error {
	m := o.Manifest
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	if err := t.InsertAudit(ctx, audit.Entry{
		ID: id.String(), At: now, Action: "restore", Outcome: audit.Granted, Actor: o.Actor, Subject: m.ID,
		Detail: map[string]any{
			"backup_at": m.At.UTC().Format(time.RFC3339), "restored_head": m.AuditHead.ID,
			"restored_head_at": m.AuditHead.At.UTC().Format(time.RFC3339Nano), "former_id": m.Instance, "id": out.Instance,
			"serial": out.Serial, "rows": out.Rows, "sessions_ended": out.Sessions, "links_ended": out.Links,
			"minted_tokens_ended": out.Minted, "tokens_revoked": out.Tokens, "tokens_kept": out.TokensKept,
			"authenticators_lost": len(out.LostFactors), "version": m.Version,
		},
	}); err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO backups (id, place, at, finished_at, serial, objects, bytes, rows_only, forgotten_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) ON CONFLICT DO NOTHING`, m.ID, o.Place, micros(m.At), micros(m.FinishedAt),
		m.Serial, m.Objects, m.Bytes, m.RowsOnly)
	return err
}
