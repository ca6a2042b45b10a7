package db

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/namelog"
)

// Marks in the table of counters for the copy of names: when the last segment was written, and until when a holder may
// write. Their epoch is the id of the index, and the holder.
const (
	namesSavedMark = "names_saved"
	namesLeaseMark = "names_lease"
)

// unsaved notes that a row has to be written to the copy of names.
func (t *Tx) unsaved(ctx context.Context, kind, repository, name string) error {
	_, err := t.exec(ctx, `INSERT INTO names_unsaved (kind, repository, name, mark) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind, repository, name) DO UPDATE SET mark = excluded.mark`, kind, repository, name, newMark())
	return err
}

func (t *Tx) unsavedName(ctx context.Context, n catalog.Name) error {
	if !namelog.Kept(n) {
		return nil
	}
	return t.unsaved(ctx, namelog.KindName, "", n.Name.String())
}

// marked is a row of counters.
type marked struct {
	value int64
	epoch string
	began int64
}

func (t *Tx) marked(ctx context.Context, name string) (marked, error) {
	scan := func(r row) (m marked, err error) { return m, r.Scan(&m.value, &m.epoch, &m.began) }
	m, err := one(ctx, t, "mark", scan, `SELECT value, epoch, began FROM counters WHERE name = $1`, name)
	if fault.Is(err, fault.NotFound) {
		return marked{}, nil
	}
	return m, err
}

func (t *Tx) putMarked(ctx context.Context, name string, m marked) error {
	_, err := t.exec(ctx, `INSERT INTO counters (name, value, epoch, began) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, epoch = excluded.epoch, began = excluded.began`,
		name, m.value, m.epoch, m.began)
	return err
}

// NameLogState implements namelog.Tx.
func (t *Tx) NameLogState(ctx context.Context) (s namelog.State, err error) {
	if s.Instance, err = t.instance(ctx); err != nil {
		return s, err
	}
	if s.Before, err = many(ctx, t, scanText, `SELECT id FROM instances ORDER BY ended_at, id`); err != nil {
		return s, err
	}
	if s.Serial, err = t.mark(ctx, "serial"); err != nil {
		return s, err
	}
	saved, err := t.marked(ctx, namesSavedMark)
	if err != nil {
		return s, err
	}
	if saved.epoch == s.Instance {
		s.SavedAt = moment(saved.value)
	}
	last, err := one(ctx, t, "backup", scanNumber, `SELECT COALESCE(MAX(at), 0) FROM backups`)
	if err != nil {
		return s, err
	}
	s.LastBackup = moment(last)
	r, err := t.marked(ctx, recoveredMark)
	s.Recovered, s.Snapshot, s.SnapshotAt = moment(r.value), r.epoch, moment(r.began)
	return s, err
}

// Unsaved implements namelog.Tx.
func (t *Tx) Unsaved(ctx context.Context, limit int) ([]namelog.Change, error) {
	scan := func(r row) (c namelog.Change, err error) {
		return c, r.Scan(&c.Kind, &c.Repository, &c.Name, &c.Mark)
	}
	return many(ctx, t, scan, `SELECT kind, repository, name, mark FROM names_unsaved LIMIT $1`, limit)
}

// ForgetUnsaved implements namelog.Tx.
func (t *Tx) ForgetUnsaved(ctx context.Context, all []namelog.Change) error {
	for _, c := range all {
		if _, err := t.exec(ctx, `DELETE FROM names_unsaved WHERE kind = $1 AND repository = $2 AND name = $3 AND mark = $4`,
			c.Kind, c.Repository, c.Name, c.Mark); err != nil {
			return err
		}
	}
	return nil
}

// NoteSaved implements namelog.Tx.
func (t *Tx) NoteSaved(ctx context.Context, at time.Time) error {
	id, err := t.instance(ctx)
	if err != nil {
		return err
	}
	return t.putMarked(ctx, namesSavedMark, marked{value: micros(at), epoch: id})
}

// LeaseNameLog implements namelog.Tx.
func (t *Tx) LeaseNameLog(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	return t.did(ctx, `INSERT INTO counters (name, value, epoch) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, epoch = excluded.epoch
		WHERE counters.value < $4 OR counters.epoch = excluded.epoch`, namesLeaseMark, micros(until), holder, micros(now))
}

func scanTombstone(r row) (s namelog.Tombstone, err error) {
	var at int64
	err = r.Scan(&s.RepositoryID, &s.Repository, &s.Key, &s.Filename, &at)
	s.At = moment(at)
	return s, err
}

const selectTombstones = `SELECT s.repository_id, r.name, s.name_key, s.filename, s.deleted_at FROM tombstones s
	JOIN repositories r ON r.id = s.repository_id`

// TombstoneOf implements namelog.Tx.
func (t *Tx) TombstoneOf(ctx context.Context, repositoryID, key string) (namelog.Tombstone, error) {
	return one(ctx, t, "deleted file", scanTombstone, selectTombstones+` WHERE s.repository_id = $1 AND s.name_key = $2`,
		repositoryID, key)
}

// BuriedAfter implements namelog.Tx.
func (t *Tx) BuriedAfter(ctx context.Context, after namelog.Tombstone, limit int) ([]namelog.Tombstone, error) {
	return many(ctx, t, scanTombstone, selectTombstones+` WHERE s.repository_id > $1
		OR s.repository_id = $1 AND s.name_key > $2 ORDER BY s.repository_id, s.name_key LIMIT $3`,
		after.RepositoryID, after.Key, limit)
}

// NoteInstance implements namelog.Tx.
func (t *Tx) NoteInstance(ctx context.Context, id string, ended time.Time) error {
	_, err := t.exec(ctx, `INSERT INTO instances (id, ended_at) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at`, id, micros(ended))
	return err
}

// BeginRecovered implements namelog.Tx.
func (t *Tx) BeginRecovered(ctx context.Context, at time.Time, snapshot string, snapshotAt time.Time) error {
	return t.putMarked(ctx, recoveredMark, marked{value: micros(at), epoch: snapshot, began: micros(snapshotAt)})
}

// EndRecovered implements namelog.Tx.
func (t *Tx) EndRecovered(ctx context.Context) (bool, error) {
	return t.did(ctx, `DELETE FROM counters WHERE name = $1`, recoveredMark)
}
