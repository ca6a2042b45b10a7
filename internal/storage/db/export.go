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

var _ exported.RestoreTx = (*Tx)(nil)

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
		err := r.Scan(&id, &o.ImportID, &o.Source, &o.TimeTrust, &o.Uploader, &o.Legacy, &o.DigestStated, &o.Facts)
		out[id] = o
		return err
	}, `SELECT o.file_id, o.import_id, o.source, o.time_trust, o.uploader, o.legacy, o.digest_stated, o.facts FROM file_origins o
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

// PutFileFacts implements exported.RestoreTx.
func (t *Tx) PutFileFacts(ctx context.Context, fileID string, o exported.FileOrigin) error {
	_, err := t.exec(ctx, `UPDATE file_origins SET time_trust = $2, uploader = $3, legacy = $4, digest_stated = $5,
		facts = $6 WHERE file_id = $1`, fileID, o.TimeTrust, o.Uploader, o.Legacy, o.DigestStated, o.Facts)
	return err
}

// RestoreComment implements exported.RestoreTx.
func (t *Tx) RestoreComment(ctx context.Context, fileID, comment string) error {
	_, err := t.exec(ctx, `UPDATE files SET comment = $2 WHERE id = $1`, fileID, comment)
	return err
}

// RestoreRepository implements exported.RestoreTx.
func (t *Tx) RestoreRepository(ctx context.Context, id string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE repositories SET created_at = $2 WHERE id = $1 AND created_at > $2`, id, micros(at))
	return err
}

// RestoreCreated implements exported.RestoreTx.
func (t *Tx) RestoreCreated(ctx context.Context, projectID string, at time.Time, releases map[string]time.Time) error {
	if _, err := t.exec(ctx, `UPDATE projects SET created_at = $2 WHERE id = $1 AND created_at > $2`, projectID,
		micros(at)); err != nil {
		return err
	}
	for key, at := range releases {
		if _, err := t.exec(ctx, `UPDATE releases SET created_at = $3 WHERE project_id = $1 AND version_key = $2
			AND created_at > $3`, projectID, key,
			micros(at)); err != nil {
			return err
		}
	}
	return nil
}

// RestoreDownloads implements exported.RestoreTx.
func (t *Tx) RestoreDownloads(ctx context.Context, projectID string, base *exported.DownloadBase,
	days []exported.Downloads,
) error {
	if base != nil {
		_, err := t.exec(ctx, `INSERT INTO download_bases (project_id, source, counted_at, downloads) VALUES ($1, $2, $3, $4)
			ON CONFLICT (project_id) DO UPDATE SET source = excluded.source, counted_at = excluded.counted_at,
			downloads = excluded.downloads`, projectID, base.Source, micros(base.CountedAt), base.Downloads)
		if err != nil {
			return err
		}
	}
	for _, d := range days {
		day, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "%.20q is not a day", d.Day)
		}
		if _, err := t.exec(ctx, `INSERT INTO downloads (day, project_id, version, downloads) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, micros(day), projectID, d.Version, d.Downloads); err != nil {
			return err
		}
	}
	return nil
}
