package db

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
)

func (t *Tx) InsertImported(ctx context.Context, o catalog.Imported) error {
	return t.insert(ctx, "the origin of that file",
		`INSERT INTO file_origins (file_id, import_id, source, time_trust, uploader,
		legacy, digest_stated, yanked, yanked_reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		o.FileID, o.ImportID, o.Source, o.TimeTrust, o.Uploader, o.Legacy, o.DigestStated, o.Yanked, o.YankedReason)
}

func (t *Tx) SetImportedYank(ctx context.Context, fileID string, yanked bool, reason string) error {
	_, err := t.exec(ctx, `UPDATE file_origins SET yanked = $2, yanked_reason = $3 WHERE file_id = $1`, fileID, yanked,
		reason)
	return err
}

func (t *Tx) ImportedFiles(ctx context.Context, projectID string) (map[string]catalog.Imported, error) {
	out := map[string]catalog.Imported{}
	return out, t.query(ctx, func(r row) error {
		var o catalog.Imported
		err := r.Scan(&o.FileID, &o.ImportID, &o.Source, &o.TimeTrust, &o.Uploader, &o.Legacy, &o.DigestStated, &o.Yanked,
			&o.YankedReason)
		out[o.FileID] = o
		return err
	}, `SELECT o.file_id, o.import_id, o.source, o.time_trust, o.uploader, o.legacy, o.digest_stated, o.yanked, o.yanked_reason
		FROM file_origins o JOIN files f ON f.id = o.file_id WHERE f.project_id = $1`, projectID)
}

func (t *Tx) ImportedReleases(ctx context.Context, projectID string) (map[string]bool, error) {
	out := map[string]bool{}
	return out, t.query(ctx, func(r row) error {
		var id string
		err := r.Scan(&id)
		out[id] = true
		return err
	}, `SELECT r.id FROM releases r WHERE r.project_id = $1 AND NOT `+hasUploads, projectID)
}

func (t *Tx) PutDownloadBase(ctx context.Context, b catalog.DownloadBase) error {
	_, err := t.exec(ctx, `INSERT INTO download_bases (project_id, source, counted_at, downloads) VALUES ($1, $2, $3, $4)
		ON CONFLICT (project_id) DO UPDATE SET source = excluded.source, counted_at = excluded.counted_at,
		downloads = excluded.downloads`, b.ProjectID, b.Source, micros(b.CountedAt), b.Downloads)
	return err
}

func (t *Tx) DownloadBaseOf(ctx context.Context, projectID string) (catalog.DownloadBase, error) {
	return one(ctx, t, "count of downloads", func(r row) (b catalog.DownloadBase, err error) {
		var at int64
		err = r.Scan(&b.ProjectID, &b.Source, &at, &b.Downloads)
		b.CountedAt = moment(at)
		return b, err
	}, `SELECT project_id, source, counted_at, downloads FROM download_bases WHERE project_id = $1`, projectID)
}

func (t *Tx) PutImportOutcomes(ctx context.Context, importID string, all []ingest.Outcome, at time.Time) error {
	for _, o := range all {
		_, err := t.exec(ctx, `INSERT INTO import_files (import_id, place, state, filename, sha256, reason, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (import_id, place) DO UPDATE SET state = excluded.state,
			filename = excluded.filename, sha256 = excluded.sha256, reason = excluded.reason, at = excluded.at
			WHERE import_files.state <> 'done' OR excluded.state <> 'present'`,
			importID, o.Place, string(o.State), o.Filename, o.SHA256, o.Reason, micros(at))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) ImportedStatus(ctx context.Context, importID string, name packaging.ProjectName,
) (status catalog.Status, reason string, err error) {
	return status, reason, t.query(ctx, func(r row) error { return r.Scan(&status, &reason) },
		`SELECT status, status_reason FROM import_projects WHERE import_id = $1 AND name = $2`, importID, name.String())
}

func (t *Tx) PutImportedStatus(ctx context.Context, importID string, name packaging.ProjectName, s catalog.Status,
	reason string,
) error {
	_, err := t.exec(ctx, `INSERT INTO import_projects (import_id, name, status, status_reason) VALUES ($1, $2, $3, $4)
		ON CONFLICT (import_id, name) DO UPDATE SET status = excluded.status, status_reason = excluded.status_reason`,
		importID, name.String(), string(s), reason)
	return err
}

func (t *Tx) PutImport(ctx context.Context, i transfer.Import) error {
	_, err := t.exec(ctx,
		`INSERT INTO imports (id, kind, source, repository_id, options, by_kind, by_id, by_name, started_at,
		finished_at, summary) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET options = excluded.options, by_kind = excluded.by_kind, by_id = excluded.by_id,
		by_name = excluded.by_name, started_at = excluded.started_at, finished_at = excluded.finished_at,
		summary = excluded.summary`,
		i.ID, i.Kind, i.Source, i.RepositoryID, i.Options, i.By.Kind, i.By.ID, i.By.Name, micros(i.StartedAt),
		micros(i.FinishedAt), i.Summary)
	return err
}

const selectImport = `SELECT id, kind, source, repository_id, options, by_kind, by_id, by_name, started_at, finished_at, summary
	FROM imports `

func scanImport(r row) (i transfer.Import, err error) {
	var started, finished int64
	err = r.Scan(&i.ID, &i.Kind, &i.Source, &i.RepositoryID, &i.Options, &i.By.Kind, &i.By.ID, &i.By.Name, &started,
		&finished, &i.Summary)
	i.StartedAt, i.FinishedAt = moment(started), moment(finished)
	return i, err
}

func (t *Tx) ImportOf(ctx context.Context, repositoryID, kind, source string) (transfer.Import, error) {
	return one(ctx, t, "import", scanImport,
		selectImport+`WHERE repository_id = $1 AND kind = $2 AND source = $3 ORDER BY id`, repositoryID, kind, source)
}

func (t *Tx) Imports(ctx context.Context) ([]transfer.Import, error) {
	return many(ctx, t, scanImport, selectImport+`ORDER BY started_at, id`)
}

func (t *Tx) ImportOutcomes(ctx context.Context, importID, after string, limit int) ([]ingest.Outcome, error) {
	return many(ctx, t, func(r row) (o ingest.Outcome, err error) {
		err = r.Scan(&o.Place, &o.State, &o.Filename, &o.SHA256, &o.Reason)
		return o, err
	}, `SELECT place, state, filename, sha256, reason FROM import_files WHERE import_id = $1 AND place > $2
		ORDER BY place LIMIT $3`, importID, after, int64(limit))
}
