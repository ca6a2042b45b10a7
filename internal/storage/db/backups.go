package db

import (
	"context"

	"pyindex/internal/audit"
	"pyindex/internal/backup"
)

// AddBackup records a finished backup, with its entries for the audit log.
func (d *DB) AddBackup(ctx context.Context, b backup.Made, entries ...audit.Entry) error {
	return d.update(ctx, func(t *Tx) error {
		for _, e := range entries {
			if err := t.InsertAudit(ctx, e); err != nil {
				return err
			}
		}
		return t.insert(ctx, "backup "+b.ID,
			`INSERT INTO backups (id, place, at, finished_at, serial, objects, bytes, rows_only,
			forgotten_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) ON CONFLICT DO NOTHING`,
			b.ID, b.Place, micros(b.At), micros(b.FinishedAt), b.Serial, b.Objects, b.Bytes, b.RowsOnly)
	})
}

// ForgetBackups records that backups were removed: the store no longer keeps content for them. It ignores unknown ids.
func (d *DB) ForgetBackups(ctx context.Context, ids []string) error {
	return d.update(ctx, func(t *Tx) error {
		for _, id := range ids {
			if _, err := t.exec(ctx, `UPDATE backups SET forgotten_at = $2 WHERE id = $1 AND forgotten_at = 0`, id,
				micros(d.options.Now())); err != nil {
				return err
			}
		}
		return nil
	})
}

// Backups returns the finished backups that were not forgotten, newest first.
func (d *DB) Backups(ctx context.Context) (out []backup.Made, err error) {
	err = d.view(ctx, func(t *Tx) (err error) {
		out, err = many(ctx, t, func(r row) (b backup.Made, err error) {
			var at, finished int64
			err = r.Scan(&b.ID, &b.Place, &at, &finished, &b.Serial, &b.Objects, &b.Bytes, &b.RowsOnly)
			b.At, b.FinishedAt = moment(at), moment(finished)
			return b, err
		}, `SELECT id, place, at, finished_at, serial, objects, bytes, rows_only FROM backups WHERE forgotten_at = 0
			ORDER BY at DESC, id DESC`)
		return err
	})
	return out, err
}
