package db

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

func (t *Tx) SetQuarantine(ctx context.Context, fileID string, at time.Time, reason string) error {
	ok, err := t.did(ctx, `UPDATE files SET quarantined_at = $2, quarantine_reason = $3 WHERE id = $1`, fileID,
		micros(at), reason)
	if err == nil && !ok {
		return fault.New(fault.NotFound, "no such file")
	}
	return err
}

// selectUpload selects a file with its uploader, repository and project.
const selectUpload = `SELECT ` + fileColumns + `, f.uploader_kind, f.uploader_id, f.uploader_name, f.uploader_token_id,
	f.quarantined_at, f.quarantine_reason, r.name, p.name FROM files f
	JOIN projects p ON p.id = f.project_id JOIN repositories r ON r.id = f.repository_id`

func scanUpload(r row) (u catalog.Uploaded, err error) {
	var uploaded, quarantined int64
	by := &u.Uploader
	err = r.Scan(append(fileFields(&u.File, &uploaded), &by.Kind, &by.ID, &by.Name, &by.TokenID, &quarantined,
		&u.QuarantineReason, &u.Repository, &u.Project)...)
	u.UploadedAt, u.QuarantinedAt = moment(uploaded), moment(quarantined)
	return u, err
}

// Uploads implements catalog.Tx. It leaves out claims.
func (t *Tx) Uploads(ctx context.Context, f catalog.UploadFilter, limit int) ([]catalog.Uploaded, error) {
	q := asked{args: []any{limit}}
	q.uploads(f)
	return many(ctx, t, scanUpload, selectUpload+q.where+` ORDER BY f.uploaded_at DESC, f.id DESC LIMIT $1`, q.args...)
}

func (t *Tx) CountUploads(ctx context.Context, f catalog.UploadFilter) (int, error) {
	var q asked
	q.uploads(f)
	return one(ctx, t, "number", scanCount, `SELECT COUNT(*) FROM files f`+q.where, q.args...)
}

func (q *asked) uploads(f catalog.UploadFilter) {
	q.and("f.uploaded_at >= %s", micros(f.Since))
	switch {
	case f.UserID != "":
		q.and("f.uploader_kind IN ('user', 'service') AND f.uploader_id = %s", f.UserID)
	case f.TokenID != "":
		q.and("f.uploader_token_id = %s", f.TokenID)
	case f.Publisher != "" || f.Minted != "":
		q.and(`f.uploader_kind = 'publisher' AND (f.uploader_name = %s
			OR f.uploader_token_id IN (SELECT b.token_id FROM token_projects b WHERE b.publisher_id = %s AND b.publisher_id <> '')
			OR f.uploader_token_id IN (SELECT b.token_id FROM token_names b JOIN repository_publishers l
				ON l.id = b.repository_publisher_id WHERE l.publisher_id = %s))`, f.Publisher, f.Minted, f.Minted)
	default:
		q.and("f.quarantined_at > 0")
	}
	if f.Offered {
		q.and("f.quarantined_at = 0")
	}
}

// MintedFor implements lockout.Rows. id is that of a publisher or a reader.
func (t *Tx) MintedFor(ctx context.Context, id string) ([]string, error) {
	return many(ctx, t, scanText, `SELECT t.id FROM tokens t WHERE t.kind = 'minted' AND t.revoked_at = 0 AND (
		t.id IN (SELECT b.token_id FROM token_projects b WHERE b.publisher_id = $1 AND b.publisher_id <> '')
		OR t.id IN (SELECT b.token_id FROM token_names b JOIN repository_publishers l ON l.id = b.repository_publisher_id
			WHERE l.publisher_id = $1)
		OR t.id IN (SELECT b.token_id FROM token_readers b WHERE b.reader_id = $1)) ORDER BY t.id`, id)
}
