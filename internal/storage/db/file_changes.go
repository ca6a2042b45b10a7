package db

import (
	"context"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// InsertFile implements catalog.Tx. The name of a deleted file is taken too.
func (t *Tx) InsertFile(ctx context.Context, f catalog.File, m packaging.Metadata) error {
	gone, err := t.Tombstoned(ctx, f.RepositoryID, f.NameKey)
	if err != nil {
		return err
	}
	if gone {
		return fault.New(fault.Conflict, "file %s was deleted, and its name cannot be reused", f.Filename)
	}
	u := f.Uploader
	err = t.insert(ctx, "file "+f.Filename,
		`INSERT INTO files (id, repository_id, project_id, release_id, filename, name_key, kind,
		version, python_version, size, md5, sha256, blake2b_256, metadata_sha256, requires_python, comment, yanked, yanked_reason,
		uploaded_at, uploader_kind, uploader_id, uploader_name, uploader_token_id, attested, generation, metadata_generation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
		ON CONFLICT DO NOTHING`,
		f.ID, f.RepositoryID, f.ProjectID, f.ReleaseID, f.Filename, f.NameKey, string(f.Kind),
		f.Version, f.PythonVersion, f.Size, f.MD5, f.SHA256, f.Blake2b256, f.MetadataSHA256, f.RequiresPython, f.Comment,
		f.Yanked, f.YankedReason,
		micros(f.UploadedAt), u.Kind, u.ID, u.Name, u.TokenID, f.Attested, f.Generation, f.MetadataGeneration)
	if err != nil {
		return err
	}
	if err := t.insertClaims(ctx, f.ID, u.Claims); err != nil {
		return err
	}
	return t.insertMetadata(ctx, f.ID, m)
}

func (t *Tx) insertClaims(ctx context.Context, fileID string, claims map[string]any) error {
	text, err := encode(claims)
	if err != nil || text == "" {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO file_claims (file_id, claims) VALUES ($1, $2)`, fileID, text)
	return err
}

func (t *Tx) insertMetadata(ctx context.Context, fileID string, m packaging.Metadata) error {
	document, err := encodeAny(m)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx,
		`INSERT INTO file_metadata (file_id, metadata_version, summary, document) VALUES ($1, $2, $3, $4)`,
		fileID, m.MetadataVersion, m.Summary, document)
	return err
}

func (t *Tx) Metadata(ctx context.Context, fileID string) (packaging.Metadata, error) {
	scan := func(r row) (m packaging.Metadata, err error) {
		var document string
		if err := r.Scan(&document); err != nil {
			return m, err
		}
		return m, decode(document, &m)
	}
	return one(ctx, t, "file", scan, `SELECT document FROM file_metadata WHERE file_id = $1`, fileID)
}

// DeleteFile implements catalog.Tx. The caller must also call InsertTombstone, which reserves the file name.
func (t *Tx) DeleteFile(ctx context.Context, id string) error {
	if err := t.unsettle(ctx, `id`, id); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM files WHERE id = $1`, id)
	return err
}

// SetYank returns fault.NotFound if the file is gone.
func (t *Tx) SetYank(ctx context.Context, fileID string, yanked bool, reason string) error {
	ok, err := t.did(ctx, `UPDATE files SET yanked = $2, yanked_reason = $3 WHERE id = $1`, fileID, yanked, reason)
	if err == nil && !ok {
		return fault.New(fault.NotFound, "no such file")
	}
	return err
}
