package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// blobOwn is true for a row of blobs if the row of a file of this index references the blob.
const blobOwn = `((blobs.part = 'files' AND EXISTS (SELECT 1 FROM files f WHERE substr(f.sha256, 1, 12) = substr(blobs.sha256, 1, 12)
		AND f.sha256 = blobs.sha256 AND f.generation = blobs.generation))
	OR (blobs.part = 'metadata' AND EXISTS (SELECT 1 FROM files f WHERE substr(f.metadata_sha256, 1, 12) = substr(blobs.sha256, 1, 12)
		AND f.metadata_sha256 = blobs.sha256 AND f.metadata_generation = blobs.generation)))`

// blobUsed is true for a row of blobs if a row of a file references the blob: of this index, or kept from an upstream.
const blobUsed = `(` + blobOwn + `
	OR (blobs.part = 'files' AND EXISTS (SELECT 1 FROM upstream_files u WHERE u.sha256 = blobs.sha256 AND u.generation = blobs.generation AND u.stored))
	OR (blobs.part = 'metadata' AND EXISTS (SELECT 1 FROM upstream_files u WHERE u.metadata_sha256 = blobs.sha256 AND u.metadata_generation = blobs.generation AND u.metadata_stored))
	OR (blobs.part = 'metadata' AND EXISTS (SELECT 1 FROM upstream_files u WHERE u.provenance_sha256 = blobs.sha256 AND u.provenance_generation = blobs.generation AND u.provenance_stored)))`

// splitKey splits "files/ab/abcd….0123" into its first path element, the digest and the generation.
func splitKey(key string) (part, sha256, generation string) {
	part, _, _ = strings.Cut(key, "/")
	sha256, generation, _ = strings.Cut(key[strings.LastIndexByte(key, '/')+1:], ".")
	return part, sha256, generation
}

// ofKey selects the row of the key $1 with its part, digest and generation as three more arguments from a number on.
// SQLite finds it by these, PostgreSQL by the key.
func ofKey(from int) string {
	return fmt.Sprintf(`blob_key = $1 AND part = $%d AND sha256 = $%d AND generation = $%d`, from, from+1, from+2)
}

// withKey returns the arguments of a statement with ofKey.
func withKey(key string, args ...any) []any {
	part, sha256, generation := splitKey(key)
	return append(append([]any{key}, args...), part, sha256, generation)
}

// blobColumns begins an INSERT into blobs: the other columns, or the values for them, follow. SQLite computes the key.
func (d dialect) blobColumns(key string) string {
	if d.computesKeys {
		return ``
	}
	return key + `, `
}

// HoldBlob implements custody.Tx. On PostgreSQL, a unique index decides which caller creates the row, and all others join
// it. On SQLite, where one update at a time runs, the index would be as large as the table. The plain key is nearly always
// free, so it is tried first.
func (t *Tx) HoldBlob(ctx context.Context, plain, generation string, at time.Time) (custody.Held, error) {
	h, err := t.hold(ctx, plain, "", at)
	if fault.Is(err, fault.NotFound) {
		h, err = t.hold(ctx, plain, generation, at)
	}
	return h, err
}

// hold is HoldBlob with the generation of a new row. If generation is "", which means the plain key, and that key is
// being dropped or is spent, hold returns fault.NotFound.
func (t *Tx) hold(ctx context.Context, plain, generation string, at time.Time) (custody.Held, error) {
	part, sha256, _ := splitKey(plain)
	scan := func(r row) (h custody.Held, err error) {
		err = r.Scan(&h.Generation, &h.Named)
		return h, err
	}
	var h custody.Held
	err := fault.New(fault.NotFound, "no such key")
	if t.db.dialect.joinBlob == "" {
		h, err = one(ctx, t, "key", scan, joinBlob, part, sha256, micros(at))
	}
	if fault.Is(err, fault.NotFound) {
		h, err = one(ctx, t, "key", scan,
			`INSERT INTO blobs (`+t.db.dialect.blobColumns(`blob_key`)+`part, sha256, generation, holds, since, settled, dropping)
			SELECT `+t.db.dialect.blobColumns(`$1`)+`$2, $3, $4, 1, CAST($5 AS BIGINT), FALSE, FALSE
			WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE `+ofKey(2)+` AND dropping) `+t.db.dialect.joinBlob+`
			RETURNING generation, `+blobOwn, custody.WithGeneration(plain, generation), part, sha256, generation, micros(at))
	}
	h.Key = custody.WithGeneration(plain, h.Generation)
	return h, err
}

// joinBlob adds a hold to the row of content that is not being dropped, along the primary key of SQLite.
const joinBlob = `UPDATE blobs SET holds = holds + 1, since = $3, settled = FALSE
	WHERE part = $1 AND sha256 = $2 AND NOT dropping RETURNING generation, ` + blobOwn

// ReleaseBlob implements custody.Tx. It returns fault.Unavailable if the sweeper has already treated the hold as
// abandoned. The blob may be gone, so the transaction that would reference it must not commit.
func (t *Tx) ReleaseBlob(ctx context.Context, key string, held bool) (drop bool, err error) {
	part, sha256, generation := splitKey(key)
	var used bool
	if held {
		used, err = t.endHold(ctx, key)
	} else {
		used, err = t.settle(ctx, key, part, sha256, generation)
	}
	if err != nil || used {
		return false, err
	}
	return t.did(ctx,
		`INSERT INTO blobs (`+t.db.dialect.blobColumns(`blob_key`)+`part, sha256, generation, holds, since, settled, dropping)
		SELECT `+t.db.dialect.blobColumns(`$1`)+`$2, $3, $4, 0, CAST($5 AS BIGINT), FALSE, TRUE WHERE $1 <> ''
		ON CONFLICT (`+t.db.dialect.blobPrimary+`) DO UPDATE SET since = excluded.since, settled = FALSE, dropping = TRUE
		WHERE blobs.holds = 0 AND NOT blobs.dropping`, key, part, sha256, generation, micros(t.db.options.Now()))
}

// settle marks an unheld key as settled if a row references its blob, and reports whether one does.
func (t *Tx) settle(ctx context.Context, key, part, sha256, generation string) (used bool, err error) {
	_, err = t.exec(ctx, `UPDATE blobs SET settled = (holds = 0) WHERE `+ofKey(2)+` AND NOT dropping AND `+blobUsed,
		withKey(key)...)
	if err != nil {
		return false, err
	}
	return t.named(ctx, part, sha256, generation)
}

// endHold ends one hold and reports whether a file references the blob.
func (t *Tx) endHold(ctx context.Context, key string) (used bool, err error) {
	scan := func(r row) (used bool, err error) { err = r.Scan(&used); return used, err }
	out, err := many(ctx, t, scan, `UPDATE blobs SET holds = CASE WHEN holds > 0 THEN holds - 1 ELSE 0 END,
			settled = CASE WHEN `+blobUsed+` THEN holds <= 1 ELSE settled END
		WHERE `+ofKey(2)+` AND NOT dropping RETURNING `+blobUsed, withKey(key)...)
	if err != nil {
		return false, err
	}
	if len(out) == 0 {
		return false, fault.New(fault.Unavailable, "this took so long that the upload was treated as abandoned; try again")
	}
	return out[0], nil
}

// named reports whether the row of a file references the blob, as blobUsed.
func (t *Tx) named(ctx context.Context, part, sha256, generation string) (bool, error) {
	q := `SELECT 1 FROM files WHERE ` + sameDigest(`sha256`, `$1`) + ` AND generation = $2
		UNION ALL SELECT 1 FROM upstream_files WHERE sha256 = $1 AND generation = $2 AND stored LIMIT 1`
	if part == "metadata" {
		q = `SELECT 1 FROM files WHERE ` + sameDigest(`metadata_sha256`, `$1`) + ` AND metadata_generation = $2
			UNION ALL SELECT 1 FROM upstream_files WHERE metadata_sha256 = $1 AND metadata_generation = $2 AND metadata_stored
			UNION ALL SELECT 1 FROM upstream_files WHERE provenance_sha256 = $1 AND provenance_generation = $2 AND provenance_stored
			LIMIT 1`
	}
	out, err := many(ctx, t, scanCount, q, sha256, generation)
	return len(out) > 0, err
}

func (t *Tx) AbandonedBlobs(ctx context.Context, before time.Time, limit int) ([]string, error) {
	if _, err := t.exec(ctx, settleUsed, micros(before)); err != nil {
		return nil, err
	}
	out, err := t.abandon(ctx, blobOpen, before, limit)
	if err != nil || len(out) >= limit {
		return out, err
	}
	// A replica that predates generations does not update the rows of the files that it deletes.
	rest, err := t.abandon(ctx, blobAgain, before, limit-len(out))
	return append(out, rest...), err
}

// settleUsed settles the rows older than $1 whose holders are gone but whose blobs are referenced. SQLite would split a
// plain OR into a search for each of its sides, which reads the rows of all content.
const settleUsed = `UPDATE blobs SET settled = TRUE, holds = 0
	WHERE NOT settled AND NOT dropping AND since < $1 AND ` + blobUsed + ` = TRUE`

// abandon marks unreferenced rows that match a condition as being dropped. The condition is trusted SQL.
func (t *Tx) abandon(ctx context.Context, which string, before time.Time, limit int) ([]string, error) {
	return many(ctx, t, scanText, `UPDATE blobs SET dropping = TRUE, settled = FALSE, holds = 0, since = $3
		WHERE (part, sha256, generation) IN (`+unusedBlobs(which)+`)
		RETURNING blob_key`, micros(before), limit, micros(t.db.options.Now()))
}

// unusedBlobs selects at most $2 unreferenced rows that match a condition and are older than $1, the oldest first.
func unusedBlobs(which string) string {
	return `SELECT part, sha256, generation FROM blobs WHERE ` + which + ` AND NOT dropping AND since < $1 AND NOT ` +
		blobUsed + ` ORDER BY since LIMIT $2`
}

// Conditions of AbandonedBlobs. Each has an index.
const (
	blobOpen  = `NOT settled`
	blobAgain = `settled AND generation <> ''`
)

func (t *Tx) InterruptedDrops(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return many(ctx, t, scanText, `UPDATE blobs SET since = $3, owner = ''
		WHERE (part, sha256, generation) IN (SELECT part, sha256, generation FROM blobs WHERE NOT settled AND dropping AND since < $1 AND NOT `+
		blobKept("$3")+` ORDER BY since LIMIT $2)
		RETURNING blob_key`, micros(before), limit, micros(t.db.options.Now()))
}

func (t *Tx) OwnDrop(ctx context.Context, key, owner string, before time.Time) (bool, error) {
	return t.did(ctx, `UPDATE blobs SET owner = $2, since = $3
		WHERE `+ofKey(5)+` AND dropping AND NOT settled AND (owner = '' OR owner = $2 OR since < $4)
			AND NOT `+blobKept("$3"),
		withKey(key, owner, micros(t.db.options.Now()), micros(before))...)
}

// YieldDrop implements custody.Tx. It sets since to 0, which is earlier than any time that the sweeper asks for.
func (t *Tx) YieldDrop(ctx context.Context, key, owner string) error {
	_, err := t.exec(ctx,
		`UPDATE blobs SET owner = '', since = 0 WHERE `+ofKey(3)+` AND dropping AND NOT settled AND owner = $2`,
		withKey(key, owner)...)
	return err
}

// ForgetBlob implements custody.Tx. Generations other than that of the plain key are random and are never reused, so
// their rows are deleted.
func (t *Tx) ForgetBlob(ctx context.Context, key string) error {
	gone, err := t.did(ctx, `DELETE FROM blobs WHERE `+ofKey(2)+` AND dropping AND generation <> ''`, withKey(key)...)
	if err != nil || gone {
		return err
	}
	_, err = t.exec(ctx, `UPDATE blobs SET settled = TRUE, owner = '', since = $2 WHERE `+ofKey(3)+` AND dropping`,
		withKey(key, micros(t.db.options.Now()))...)
	return err
}

func (t *Tx) ForgetSpent(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM blobs WHERE dropping AND settled AND since < $1`, micros(before))
	return err
}

// DropStray implements custody.Tx. If a late PUT has stored a spent key again, the key is dropped again.
func (t *Tx) DropStray(ctx context.Context, key string) (bool, error) {
	again, err := t.did(ctx,
		`UPDATE blobs SET settled = FALSE, owner = '', since = $2 WHERE `+ofKey(3)+` AND dropping AND settled`,
		withKey(key, micros(t.db.options.Now()))...)
	if err != nil || again {
		return again, err
	}
	return t.ReleaseBlob(ctx, key, false)
}

func (t *Tx) StoredAfter(ctx context.Context, after custody.Stored, limit int) (out []custody.Stored, err error) {
	if !after.Metadata {
		if out, err = t.storedPart(ctx, after, limit); err != nil || len(out) >= limit {
			return out, err
		}
		after = custody.Stored{Metadata: true}
	}
	rest, err := t.storedPart(ctx, after, limit-len(out))
	return append(out, rest...), err
}

// storedPart pages through the digests along their index. Grouping by digest and generation would not use that index.
func (t *Tx) storedPart(ctx context.Context, after custody.Stored, limit int) ([]custody.Stored, error) {
	q := `SELECT f.sha256, f.generation, MAX(f.size) FROM ` + digestsAfter(`sha256`) + ` d
		JOIN files f ON ` + head(`f.sha256`) + ` = d.head AND f.sha256 = d.digest
		GROUP BY f.sha256, f.generation ORDER BY f.sha256, f.generation`
	if after.Metadata {
		q = `SELECT f.metadata_sha256, f.metadata_generation, 0 FROM ` + digestsAfter(`metadata_sha256`) + ` d
			JOIN files f ON ` + head(`f.metadata_sha256`) + ` = d.head AND f.metadata_sha256 = d.digest
			GROUP BY f.metadata_sha256, f.metadata_generation ORDER BY f.metadata_sha256, f.metadata_generation`
	}
	scan := func(r row) (s custody.Stored, err error) {
		s.Metadata = after.Metadata
		err = r.Scan(&s.SHA256, &s.Generation, &s.Size)
		return s, err
	}
	return many(ctx, t, scan, q, after.SHA256, limit)
}

// keyOf builds a key in SQL as custody.WithGeneration does.
func keyOf(part, sum, generation string) string {
	return `'` + part + `/' || substr(` + sum + `, 1, 2) || '/' || ` + sum + ` || CASE WHEN ` + generation +
		` = '' THEN '' ELSE '.' || ` + generation + ` END`
}

// unsettle makes the sweeper check the blobs of files that are about to be deleted, and records the time. The files are
// those with the given id in column, which is trusted SQL.
func (t *Tx) unsettle(ctx context.Context, column, id string) error {
	for _, key := range []string{
		`'files', sha256, generation`, `'metadata', metadata_sha256, metadata_generation`,
	} {
		_, err := t.exec(ctx, `UPDATE blobs SET settled = FALSE, named_until = $2
			WHERE NOT dropping AND (part, sha256, generation) IN (SELECT `+key+` FROM files WHERE `+column+` = $1)`, id,
			micros(t.db.options.Now()))
		if err != nil {
			return err
		}
	}
	return nil
}
