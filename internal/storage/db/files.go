package db

import (
	"context"

	"pyindex/internal/catalog"
)

// fileColumns lists the columns of a file that pages show.
const fileColumns = `f.id, f.repository_id, f.project_id, f.release_id, f.filename, f.name_key, f.kind, f.version,
	f.python_version, f.size, f.md5, f.sha256, f.blake2b_256, f.metadata_sha256, f.requires_python, f.comment, f.yanked,
	f.yanked_reason, f.uploaded_at, f.attested, f.generation, f.metadata_generation`

const selectFile = `SELECT ` + fileColumns + `, f.uploader_kind, f.uploader_id, f.uploader_name, f.uploader_token_id,
	f.quarantined_at, f.quarantine_reason, COALESCE(c.claims, '') FROM files f LEFT JOIN file_claims c ON c.file_id = f.id `

// fileFields returns the destinations for fileColumns.
func fileFields(f *catalog.File, uploaded *int64) []any {
	return []any{
		&f.ID, &f.RepositoryID, &f.ProjectID, &f.ReleaseID, &f.Filename, &f.NameKey, &f.Kind, &f.Version,
		&f.PythonVersion, &f.Size, &f.MD5, &f.SHA256, &f.Blake2b256, &f.MetadataSHA256, &f.RequiresPython, &f.Comment,
		&f.Yanked,
		&f.YankedReason, uploaded, &f.Attested, &f.Generation, &f.MetadataGeneration,
	}
}

func scanListed(r row) (f catalog.File, err error) {
	var uploaded int64
	err = r.Scan(fileFields(&f, &uploaded)...)
	f.UploadedAt = moment(uploaded)
	return f, err
}

func scanFile(r row) (f catalog.File, err error) {
	var uploaded, quarantined int64
	var claims string
	u := &f.Uploader
	err = r.Scan(append(fileFields(&f, &uploaded), &u.Kind, &u.ID, &u.Name, &u.TokenID, &quarantined, &f.QuarantineReason,
		&claims)...)
	if err != nil {
		return f, err
	}
	f.UploadedAt, f.QuarantinedAt = moment(uploaded), moment(quarantined)
	return f, decode(claims, &u.Claims)
}

func (t *Tx) FileByKey(ctx context.Context, repositoryID, nameKey string) (catalog.File, error) {
	return one(ctx, t, "file", scanFile, selectFile+`WHERE f.repository_id = $1 AND f.name_key = $2`, repositoryID,
		nameKey)
}

func (t *Tx) FileByName(ctx context.Context, repositoryID, filename string) (catalog.File, error) {
	return one(ctx, t, "file", scanFile, selectFile+`WHERE f.repository_id = $1 AND f.filename = $2`, repositoryID,
		filename)
}

func (t *Tx) FilesBySHA256(ctx context.Context, repositoryID, sha256 string) ([]catalog.File, error) {
	return many(ctx, t, scanFile, selectFile+`WHERE `+sameDigest(`f.sha256`, `$2`)+` AND f.repository_id = $1 ORDER BY f.uploaded_at, f.id`,
		repositoryID, sha256)
}

func (t *Tx) Files(ctx context.Context, projectID string) ([]catalog.File, error) {
	return many(ctx, t, scanListed, `SELECT `+fileColumns+` FROM files f WHERE f.project_id = $1 AND f.quarantined_at = 0
		ORDER BY f.uploaded_at, f.id`, projectID)
}

func (t *Tx) FilesOfRelease(ctx context.Context, releaseID string) ([]catalog.File, error) {
	return many(ctx, t, scanFile,
		selectFile+`WHERE f.release_id = $1 AND f.quarantined_at = 0 ORDER BY f.uploaded_at, f.id`, releaseID)
}

func (t *Tx) AllFiles(ctx context.Context, projectID string) ([]catalog.File, error) {
	return many(ctx, t, scanFile, selectFile+`WHERE f.project_id = $1 ORDER BY f.uploaded_at, f.id`, projectID)
}

func (t *Tx) AllFilesOfRelease(ctx context.Context, releaseID string) ([]catalog.File, error) {
	return many(ctx, t, scanFile, selectFile+`WHERE f.release_id = $1 ORDER BY f.uploaded_at, f.id`, releaseID)
}
