package db

import (
	"cmp"
	"context"
	"time"

	"pyindex/internal/downloads"
)

const readerOfFileColumns = `day, reader_kind, reader_id, reader_name, repository, upstream, project, version, filename,
	sha256, first_at, last_at, downloads`

// AddReader implements downloads.Tx.
func (t *Tx) AddReader(ctx context.Context, r downloads.Reader) error {
	_, err := t.exec(ctx, `INSERT INTO file_readers (`+readerOfFileColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (day, reader_kind, reader_id, repository, upstream, filename, sha256) DO UPDATE SET
			reader_name = excluded.reader_name, downloads = file_readers.downloads + excluded.downloads,
			first_at = CASE WHEN excluded.first_at < file_readers.first_at THEN excluded.first_at ELSE file_readers.first_at END,
			last_at = CASE WHEN excluded.last_at > file_readers.last_at THEN excluded.last_at ELSE file_readers.last_at END`,
		micros(r.Day), r.Kind, r.ID, r.Name, r.Repository, r.Upstream, r.Project, r.Version, r.Filename, r.SHA256,
		micros(r.First), micros(r.Last), r.Count)
	return err
}

func scanReaderOfFile(r row) (x downloads.Reader, err error) {
	var day, first, last int64
	err = r.Scan(&day, &x.Kind, &x.ID, &x.Name, &x.Repository, &x.Upstream, &x.Project, &x.Version, &x.Filename,
		&x.SHA256, &first, &last, &x.Count)
	x.Day, x.First, x.Last = moment(day), moment(first), moment(last)
	return x, err
}

// Readers implements downloads.Tx.
func (t *Tx) Readers(ctx context.Context, f downloads.Filter) ([]downloads.Reader, error) {
	return many(ctx, t, scanReaderOfFile, `SELECT `+readerOfFileColumns+` FROM file_readers
		WHERE ($1 = '' OR project = $1) AND ($2 = '' OR version = $2) AND ($3 = '' OR sha256 = $3) AND last_at >= $4
		ORDER BY last_at DESC, filename, reader_kind, reader_id LIMIT $5`,
		f.Project, f.Version, f.SHA256, micros(f.Since), int64(cmp.Or(f.Limit, 10_000)))
}

// DownloadedProjects implements downloads.Tx.
func (t *Tx) DownloadedProjects(ctx context.Context, p downloads.Period, after downloads.Project,
	limit int,
) ([]downloads.Project, error) {
	scan := func(r row) (x downloads.Project, err error) {
		err = r.Scan(&x.Name, &x.Upstream)
		return x, err
	}
	return many(ctx, t, scan, `SELECT DISTINCT project, upstream FROM file_readers
		WHERE (project, upstream) > ($1, $2) AND upstream <> '' AND first_at >= $3 AND ($4 = '' OR repository = $4)
		ORDER BY project, upstream LIMIT $5`, after.Name, after.Upstream, micros(p.Since), p.Repository, int64(limit))
}

// EachReader implements downloads.Tx.
func (t *Tx) EachReader(ctx context.Context, p downloads.Period, of downloads.Project,
	f func(downloads.Reader) error,
) error {
	return t.query(ctx, func(r row) error {
		x, err := scanReaderOfFile(r)
		if err != nil {
			return err
		}
		return f(x)
	}, `SELECT `+readerOfFileColumns+` FROM file_readers
		WHERE project = $1 AND upstream = $2 AND first_at >= $3 AND ($4 = '' OR repository = $4)
		ORDER BY version, filename, first_at, reader_kind, reader_id, repository, sha256`,
		of.Name, of.Upstream, micros(p.Since), p.Repository)
}

// RecordedSince implements downloads.Tx.
func (t *Tx) RecordedSince(ctx context.Context, repository string) (time.Time, error) {
	all, err := many(ctx, t, scanCount, `SELECT COALESCE(MIN(first_at), 0) FROM file_readers
		WHERE upstream <> '' AND ($1 = '' OR repository = $1)`, repository)
	if err != nil || len(all) == 0 {
		return time.Time{}, err
	}
	return moment(int64(all[0])), nil
}

// DeleteReadersBefore implements downloads.Tx.
func (t *Tx) DeleteReadersBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM file_readers WHERE day < $1`, micros(before))
	return err
}

// FileReaders returns the database as seen by package downloads.
func (d *DB) FileReaders() downloads.Store { return storeOf[downloads.Tx]{d} }

var _ downloads.Tx = (*Tx)(nil)
