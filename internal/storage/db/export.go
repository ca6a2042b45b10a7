package db

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/transfer/exported"
)

// Exports returns the database as seen by package exported.
func (d *DB) Exports() exported.Store { return storeOf[exported.Tx]{d} }

var _ exported.Tx = (*Tx)(nil)

// AllReleases implements exported.Tx.
func (t *Tx) AllReleases(ctx context.Context, projectID string) ([]catalog.Release, error) {
	return many(ctx, t, scanRelease,
		`SELECT `+releaseColumns+` FROM releases WHERE project_id = $1 ORDER BY created_at, id`, projectID)
}

// FileOrigins implements exported.Tx.
func (t *Tx) FileOrigins(ctx context.Context, projectID string) (map[string]exported.FileOrigin, error) {
	out := map[string]exported.FileOrigin{}
	err := t.query(ctx, func(r row) error {
		var id string
		var o exported.FileOrigin
		err := r.Scan(&id, &o.Source, &o.TimeTrust, &o.Uploader, &o.Legacy, &o.DigestStated, &o.Facts)
		out[id] = o
		return err
	}, `SELECT o.file_id, o.source, o.time_trust, o.uploader, o.legacy, o.digest_stated, o.facts FROM file_origins o
		JOIN files f ON f.id = o.file_id WHERE f.project_id = $1`, projectID)
	return out, err
}

// DownloadBase implements exported.Tx.
func (t *Tx) DownloadBase(ctx context.Context, projectID string) (exported.DownloadBase, error) {
	scan := func(r row) (b exported.DownloadBase, err error) {
		var at int64
		err = r.Scan(&b.Source, &at, &b.Downloads)
		b.CountedAt = moment(at)
		return b, err
	}
	return one(ctx, t, "count of downloads", scan,
		`SELECT source, counted_at, downloads FROM download_bases WHERE project_id = $1`, projectID)
}

// DownloadDays implements exported.Tx.
func (t *Tx) DownloadDays(ctx context.Context, projectID string) ([]exported.Downloads, error) {
	scan := func(r row) (d exported.Downloads, err error) {
		var day int64
		err = r.Scan(&day, &d.Version, &d.Downloads)
		d.Day = time.UnixMicro(day).UTC().Format(time.DateOnly)
		return d, err
	}
	return many(ctx, t, scan, `SELECT day, version, downloads FROM downloads WHERE project_id = $1 ORDER BY day, version`,
		projectID)
}

// TombstonesBetween implements exported.Tx.
func (t *Tx) TombstonesBetween(ctx context.Context, repositoryID, after, before string,
	limit int,
) ([]exported.Tombstone, error) {
	scan := func(r row) (s exported.Tombstone, err error) {
		var at int64
		err = r.Scan(&s.Key, &s.Filename, &at)
		s.DeletedAt = moment(at)
		return s, err
	}
	return many(ctx, t, scan, `SELECT name_key, filename, deleted_at FROM tombstones
		WHERE repository_id = $1 AND name_key > $2 AND name_key < $3 ORDER BY name_key LIMIT $4`,
		repositoryID, after, before, limit)
}

// PutLease implements exported.Tx. It returns fault.Conflict if another holder has the lease.
func (t *Tx) PutLease(ctx context.Context, l exported.Lease) error {
	ok, err := t.did(ctx, `INSERT INTO leases (name, holder, since, ends_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET ends_at = excluded.ends_at WHERE leases.holder = excluded.holder`,
		l.Name, l.Holder, micros(l.Since), micros(l.EndsAt))
	if err == nil && !ok {
		return fault.New(fault.Conflict, "the lease %s belongs to another process", l.Name)
	}
	return err
}

// DeleteLease implements exported.Tx.
func (t *Tx) DeleteLease(ctx context.Context, name string) error {
	_, err := t.exec(ctx, `DELETE FROM leases WHERE name = $1`, name)
	return err
}
