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

// Readers implements downloads.Tx.
func (t *Tx) Readers(ctx context.Context, f downloads.Filter) ([]downloads.Reader, error) {
	scan := func(r row) (x downloads.Reader, err error) {
		var day, first, last int64
		err = r.Scan(&day, &x.Kind, &x.ID, &x.Name, &x.Repository, &x.Upstream, &x.Project, &x.Version, &x.Filename,
			&x.SHA256, &first, &last, &x.Count)
		x.Day, x.First, x.Last = moment(day), moment(first), moment(last)
		return x, err
	}
	return many(ctx, t, scan, `SELECT `+readerOfFileColumns+` FROM file_readers
		WHERE ($1 = '' OR project = $1) AND ($2 = '' OR version = $2) AND ($3 = '' OR sha256 = $3) AND last_at >= $4
		ORDER BY last_at DESC, filename, reader_kind, reader_id LIMIT $5`,
		f.Project, f.Version, f.SHA256, micros(f.Since), int64(cmp.Or(f.Limit, 10_000)))
}

// DeleteReadersBefore implements downloads.Tx.
func (t *Tx) DeleteReadersBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM file_readers WHERE day < $1`, micros(before))
	return err
}

// FileReaders returns the database as seen by package downloads.
func (d *DB) FileReaders() downloads.Store { return storeOf[downloads.Tx]{d} }

var _ downloads.Tx = (*Tx)(nil)
