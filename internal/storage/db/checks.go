package db

import (
	"context"

	"pyindex/internal/custody"
)

func (t *Tx) PutCheck(ctx context.Context, c custody.Check) error {
	_, err := t.exec(ctx,
		`INSERT INTO byte_checks (kind, at, objects, missing, damaged, mended) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (kind) DO UPDATE SET at = excluded.at, objects = excluded.objects, missing = excluded.missing,
			damaged = excluded.damaged, mended = excluded.mended`, string(c.Kind), micros(c.At), c.Objects, c.Missing, c.Damaged, c.Mended)
	return err
}

func (t *Tx) Checks(ctx context.Context) ([]custody.Check, error) {
	return many(ctx, t, func(r row) (c custody.Check, err error) {
		var at int64
		err = r.Scan(&c.Kind, &at, &c.Objects, &c.Missing, &c.Damaged, &c.Mended)
		c.At = moment(at)
		return c, err
	}, `SELECT kind, at, objects, missing, damaged, mended FROM byte_checks ORDER BY at DESC, kind`)
}

func (t *Tx) FilesNaming(ctx context.Context, s custody.Stored, limit int) ([]string, error) {
	where := sameDigest(`f.sha256`, `$1`) + ` AND f.generation = $2`
	if s.Metadata {
		where = sameDigest(`f.metadata_sha256`, `$1`) + ` AND f.metadata_generation = $2`
	}
	return many(ctx, t, scanText,
		`SELECT r.name || '/' || f.filename FROM files f JOIN repositories r ON r.id = f.repository_id
		WHERE `+where+` ORDER BY 1 LIMIT $3`, s.SHA256, s.Generation, limit)
}

func (t *Tx) IsStray(ctx context.Context, key string) (bool, error) {
	known, err := many(ctx, t, scanText, `SELECT blob_key FROM blobs WHERE `+ofKey(2)+` AND NOT (dropping AND settled)`,
		withKey(key)...)
	if err != nil || len(known) > 0 {
		return false, err
	}
	part, sha256, generation := splitKey(key)
	used, err := t.named(ctx, part, sha256, generation)
	return !used, err
}
