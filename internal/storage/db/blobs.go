package db

import (
	"context"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// blobUsed is true of a row of blobs whose bytes a file row names.
const blobUsed = `((blobs.part = 'files' AND EXISTS (SELECT 1 FROM files f WHERE f.sha256 = blobs.sha256))
	OR (blobs.part = 'metadata' AND EXISTS (SELECT 1 FROM files f WHERE f.metadata_sha256 = blobs.sha256)))`

// splitKey takes "files/ab/abcd…" apart into its first and last word.
func splitKey(key string) (part, sha256 string) {
	part, _, _ = strings.Cut(key, "/")
	return part, key[strings.LastIndexByte(key, '/')+1:]
}

// HoldBlob implements catalog.BlobRows.
func (t *Tx) HoldBlob(ctx context.Context, key string, at time.Time) error {
	part, sha256 := splitKey(key)
	ok, err := t.did(ctx, `INSERT INTO blobs (blob_key, part, sha256, holds, since, settled, dropping)
		VALUES ($1, $2, $3, 1, $4, FALSE, FALSE)
		ON CONFLICT (blob_key) DO UPDATE SET holds = blobs.holds + 1, since = excluded.since, settled = FALSE
		WHERE NOT blobs.dropping`, key, part, sha256, micros(at))
	if err == nil && !ok {
		return fault.New(fault.Unavailable, "the same bytes are being removed just now; try again in a moment")
	}
	return err
}

// ReleaseBlob implements catalog.BlobRows. Ending a hold that the sweeper has already taken for abandoned is
// fault.Unavailable: the bytes may be gone, so the transaction that was to name them must not commit.
func (t *Tx) ReleaseBlob(ctx context.Context, key string, held bool) (drop bool, err error) {
	if held {
		if err := t.endHold(ctx, key); err != nil {
			return false, err
		}
	}
	part, sha256 := splitKey(key)
	_, err = t.exec(ctx, `UPDATE blobs SET settled = (holds = 0) WHERE blob_key = $1 AND NOT dropping AND `+blobUsed, key)
	if err != nil {
		return false, err
	}
	used, err := t.named(ctx, part, sha256)
	if err != nil || used {
		return false, err
	}
	return t.did(ctx, `INSERT INTO blobs (blob_key, part, sha256, holds, since, settled, dropping)
		VALUES ($1, $2, $3, 0, $4, FALSE, TRUE)
		ON CONFLICT (blob_key) DO UPDATE SET since = excluded.since, settled = FALSE, dropping = TRUE
		WHERE blobs.holds = 0 AND NOT blobs.dropping`, key, part, sha256, micros(t.db.options.Now()))
}

func (t *Tx) endHold(ctx context.Context, key string) error {
	ok, err := t.did(ctx, `UPDATE blobs SET holds = CASE WHEN holds > 0 THEN holds - 1 ELSE 0 END
		WHERE blob_key = $1 AND NOT dropping`, key)
	if err == nil && !ok {
		return fault.New(fault.Unavailable, "this took so long that the bytes were taken for abandoned; try again")
	}
	return err
}

// named reports whether a file row names the bytes.
func (t *Tx) named(ctx context.Context, part, sha256 string) (bool, error) {
	q := `SELECT id FROM files WHERE sha256 = $1 LIMIT 1`
	if part == "metadata" {
		q = `SELECT id FROM files WHERE metadata_sha256 = $1 LIMIT 1`
	}
	out, err := many(ctx, t, scanText, q, sha256)
	return len(out) > 0, err
}

// AbandonedBlobs implements catalog.BlobRows. What it returns counts as dropped from now on, so that another sweeper
// does not take the same keys before as much time has passed again.
func (t *Tx) AbandonedBlobs(ctx context.Context, before time.Time, limit int) ([]string, error) {
	_, err := t.exec(ctx, `UPDATE blobs SET settled = TRUE, holds = 0
		WHERE NOT settled AND NOT dropping AND since < $1 AND `+blobUsed, micros(before))
	if err != nil {
		return nil, err
	}
	return many(ctx, t, scanText, `UPDATE blobs SET dropping = TRUE, holds = 0, since = $3
		WHERE blob_key IN (SELECT blob_key FROM blobs WHERE NOT settled AND since < $1 AND NOT `+blobUsed+` ORDER BY since LIMIT $2)
		RETURNING blob_key`, micros(before), limit, micros(t.db.options.Now()))
}

// InterruptedDrops implements catalog.BlobRows.
func (t *Tx) InterruptedDrops(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return many(ctx, t, scanText, `UPDATE blobs SET since = $3
		WHERE blob_key IN (SELECT blob_key FROM blobs WHERE NOT settled AND dropping AND since < $1 ORDER BY since LIMIT $2)
		RETURNING blob_key`, micros(before), limit, micros(t.db.options.Now()))
}

// ForgetBlob implements catalog.BlobRows.
func (t *Tx) ForgetBlob(ctx context.Context, key string) error {
	_, err := t.exec(ctx, `DELETE FROM blobs WHERE blob_key = $1 AND dropping`, key)
	return err
}

// unsettle lets the sweeper look again at the bytes of files that are about to be deleted: those whose column, a name
// of ours, is id. It spells the keys as catalog.FileKey and catalog.MetadataKey do.
func (t *Tx) unsettle(ctx context.Context, column, id string) error {
	for _, key := range []string{
		`'files/' || substr(sha256, 1, 2) || '/' || sha256`,
		`'metadata/' || substr(metadata_sha256, 1, 2) || '/' || metadata_sha256`,
	} {
		_, err := t.exec(ctx, `UPDATE blobs SET settled = FALSE
			WHERE blob_key IN (SELECT `+key+` FROM files WHERE `+column+` = $1)`, id)
		if err != nil {
			return err
		}
	}
	return nil
}
