package db

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
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

// ShownFiles implements catalog.Tx. All rows are one text, because passing a row through the driver of SQLite costs more
// than reading it. Their order, which the index has on SQLite, is checked here.
func (t *Tx) ShownFiles(ctx context.Context, projectID string) ([]catalog.File, error) {
	all, err := one(ctx, t, "files", scanText, `SELECT COALESCE(string_agg(concat_ws(CAST($2 AS TEXT), f.filename, f.version,
		f.sha256, f.metadata_sha256, f.size, f.uploaded_at, f.yanked, f.attested, f.id, OCTET_LENGTH(f.requires_python),
		OCTET_LENGTH(f.yanked_reason), f.requires_python || f.yanked_reason), CAST($3 AS TEXT)), '')
		FROM files f WHERE f.project_id = $1 AND f.quarantined_at = 0`, projectID, listSeparator, listEnd)
	if err != nil || all == "" {
		return nil, err
	}
	files := make([]catalog.File, 0, strings.Count(all, listEnd)+1)
	for all != "" {
		var f catalog.File
		if f, all, err = cutShown(all); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	order := func(a, b catalog.File) int {
		return cmp.Or(a.UploadedAt.Compare(b.UploadedAt), cmp.Compare(a.ID, b.ID))
	}
	if !slices.IsSortedFunc(files, order) {
		slices.SortFunc(files, order)
	}
	for i := range files {
		files[i].ID = ""
	}
	return files, nil
}

// cutShown divides a text of ShownFiles after its first file. The last two texts of a file may contain anything; their
// lengths in bytes are before them.
func cutShown(all string) (f catalog.File, rest string, err error) {
	var part [11]string
	rest, ok := all, true
	for i := range part {
		if part[i], rest, ok = strings.Cut(rest, listSeparator); !ok {
			return f, "", malformedFile(all)
		}
	}
	size, err1 := strconv.ParseInt(part[4], 10, 64)
	uploaded, err2 := strconv.ParseInt(part[5], 10, 64)
	python, err3 := strconv.Atoi(part[9])
	reason, err4 := strconv.Atoi(part[10])
	if errors.Join(err1, err2, err3, err4) != nil || python < 0 || reason < 0 || len(rest)-python < reason {
		return f, "", malformedFile(all)
	}
	f = catalog.File{
		ID:             part[8],
		Filename:       part[0],
		Version:        part[1],
		SHA256:         part[2],
		MetadataSHA256: part[3],
		Size:           size,
		UploadedAt:     moment(uploaded),
		Yanked:         isTrue(part[6]),
		Attested:       isTrue(part[7]),
		RequiresPython: rest[:python],
		YankedReason:   rest[python : python+reason],
	}
	if rest = rest[python+reason:]; rest == "" {
		return f, "", nil
	}
	rest, ok = strings.CutPrefix(rest, listEnd)
	if !ok || rest == "" {
		return f, "", malformedFile(all)
	}
	return f, rest, nil
}

// isTrue reads a boolean that was made text: 0 or 1 by SQLite, f or t by PostgreSQL.
func isTrue(text string) bool { return text == "1" || text == "t" }

func malformedFile(text string) error {
	return fault.New(fault.Internal, "a file's row is malformed: %q", text[:min(len(text), 500)])
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
