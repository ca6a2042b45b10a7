package db

import (
	"context"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// InsertFile implements catalog.Tx. The name of a deleted file is taken too.
func (t *Tx) InsertFile(ctx context.Context, f catalog.File, m packaging.Metadata) error {
	document, err := encodeAny(m)
	if err != nil {
		return err
	}
	k, err := t.keep(ctx, f.ProjectID, f.ReleaseID, document)
	if err != nil {
		return err
	}
	u := f.Uploader
	added, err := t.did(ctx,
		`INSERT INTO files (id, repository_id, project_id, release_id, filename, name_key, kind,
		version, python_version, size, md5, sha256, blake2b_256, metadata_sha256, requires_python, comment, yanked, yanked_reason,
		uploaded_at, uploader_kind, uploader_id, uploader_name, uploader_token_id, attested, generation, metadata_generation,
		metadata_number)
		SELECT $1, CAST($2 AS TEXT), $3, $4, $5, CAST($6 AS TEXT), $7, $8, $9, CAST($10 AS BIGINT), $11, $12, $13, $14, $15, $16,
		CAST($17 AS BOOLEAN), $18, CAST($19 AS BIGINT), $20, $21, $22, $23, CAST($24 AS BOOLEAN), $25, $26, CAST($27 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM tombstones WHERE repository_id = $2 AND name_key = $6)
		ON CONFLICT DO NOTHING`,
		f.ID, f.RepositoryID, f.ProjectID, f.ReleaseID, f.Filename, f.NameKey, string(f.Kind),
		f.Version, f.PythonVersion, f.Size, f.MD5, f.SHA256, f.Blake2b256, f.MetadataSHA256, f.RequiresPython, f.Comment,
		f.Yanked, f.YankedReason,
		micros(f.UploadedAt), u.Kind, u.ID, u.Name, u.TokenID, f.Attested, f.Generation, f.MetadataGeneration, k.number)
	if err != nil {
		return err
	}
	if !added {
		return t.taken(ctx, f)
	}
	if err := t.insertClaims(ctx, f.ID, u.Claims); err != nil {
		return err
	}
	return t.store(ctx, k)
}

// taken returns the error for a file whose name is taken.
func (t *Tx) taken(ctx context.Context, f catalog.File) error {
	gone, err := t.Tombstoned(ctx, f.RepositoryID, f.NameKey)
	if err != nil {
		return err
	}
	if gone {
		return fault.New(fault.Conflict, "file %s was deleted, and its name cannot be reused", f.Filename)
	}
	return fault.New(fault.Conflict, "file %s exists already", f.Filename)
}

func (t *Tx) insertClaims(ctx context.Context, fileID string, claims map[string]any) error {
	text, err := encode(claims)
	if err != nil || text == "" {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO file_claims (file_id, claims) VALUES ($1, $2)`, fileID, text)
	return err
}

// DeleteFile implements catalog.Tx. The caller must also call InsertTombstone, which reserves the file name.
func (t *Tx) DeleteFile(ctx context.Context, id string) error {
	if err := t.unsettle(ctx, `id`, id); err != nil {
		return err
	}
	if err := t.unkeep(ctx, id); err != nil {
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
