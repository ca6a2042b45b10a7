package db

import (
	"context"
	"time"

	"pyindex/internal/namelog"
)

func (t *Tx) InsertTombstone(ctx context.Context, repositoryID, nameKey, filename string, at time.Time) error {
	did, err := t.did(ctx, `INSERT INTO tombstones (repository_id, name_key, filename, deleted_at)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, repositoryID, nameKey, filename, micros(at))
	if err != nil || !did {
		return err
	}
	return t.unsaved(ctx, namelog.KindTombstone, repositoryID, nameKey)
}

func (t *Tx) Tombstoned(ctx context.Context, repositoryID, nameKey string) (bool, error) {
	out, err := many(ctx, t, scanText, `SELECT filename FROM tombstones WHERE repository_id = $1 AND name_key = $2`,
		repositoryID, nameKey)
	return len(out) > 0, err
}
