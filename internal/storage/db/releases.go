package db

import (
	"context"
	"strings"

	"pyindex/internal/catalog"
)

const releaseColumns = `id, project_id, version, version_key, created_at`

func scanRelease(r row) (catalog.Release, error) {
	var out catalog.Release
	var created int64
	err := r.Scan(&out.ID, &out.ProjectID, &out.Version, &out.Key, &created)
	out.CreatedAt = moment(created)
	return out, err
}

func (t *Tx) InsertRelease(ctx context.Context, r catalog.Release) error {
	return t.insert(ctx, "release "+r.Version, `INSERT INTO releases (`+releaseColumns+`)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, r.ID, r.ProjectID, r.Version, r.Key, micros(r.CreatedAt))
}

// DeleteRelease also deletes the release's files.
func (t *Tx) DeleteRelease(ctx context.Context, id string) error {
	if err := t.unsettle(ctx, `release_id`, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM files WHERE release_id = $1`, id); err != nil {
		return err
	}
	projects, err := many(ctx, t, scanText, `DELETE FROM releases WHERE id = $1 RETURNING project_id`, id)
	if err != nil || len(projects) == 0 {
		return err
	}
	return t.dropBases(ctx, `$1`, projects[0])
}

func (t *Tx) ReleaseByKey(ctx context.Context, projectID, key string) (catalog.Release, error) {
	return one(ctx, t, "release", scanRelease,
		`SELECT `+releaseColumns+` FROM releases WHERE project_id = $1 AND version_key = $2`, projectID, key)
}

func (t *Tx) Releases(ctx context.Context, projectID string) ([]catalog.Release, error) {
	return many(ctx, t, scanRelease,
		`SELECT `+releaseColumns+` FROM releases WHERE project_id = $1 AND `+offered("releases.id")+`
		ORDER BY created_at, id`, projectID)
}

// ShownReleases implements catalog.Tx.
func (t *Tx) ShownReleases(ctx context.Context, projectID string) ([]catalog.Release, error) {
	scan := func(r row) (out catalog.Release, err error) {
		var text string
		if err := r.Scan(&text); err != nil {
			return out, err
		}
		out.Version, out.Key, _ = strings.Cut(text, listSeparator)
		return out, nil
	}
	return many(ctx, t, scan, `SELECT version || $2 || version_key FROM releases
		WHERE project_id = $1 AND `+offered("releases.id")+` ORDER BY created_at, id`, projectID, listSeparator)
}

// offered is the condition that a release, given by its id, has a file outside quarantine or no files. Few files are in
// quarantine, so their index decides most cases.
func offered(id string) string {
	return `(NOT EXISTS (SELECT 1 FROM files q WHERE q.release_id = ` + id + ` AND q.quarantined_at > 0)
		OR EXISTS (SELECT 1 FROM files q WHERE q.release_id = ` + id + ` AND q.quarantined_at = 0))`
}

func (t *Tx) Summaries(ctx context.Context, projectID string) ([]catalog.Summary, error) {
	scan := func(r row) (s catalog.Summary, err error) {
		var created, files, yanked, quarantined int64
		err = r.Scan(&s.ID, &s.ProjectID, &s.Version, &s.Key, &created, &files, &s.Size, &yanked, &s.YankedReason,
			&quarantined, &s.QuarantinedSize)
		s.CreatedAt, s.Files, s.YankedFiles, s.Yanked, s.Quarantined = moment(created), int(files), int(yanked),
			files > 0 && yanked == files, int(quarantined)
		return s, err
	}
	return many(ctx, t, scan, `SELECT r.id, r.project_id, r.version, r.version_key, r.created_at,
		COALESCE(SUM(CASE WHEN f.quarantined_at = 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN f.quarantined_at = 0 THEN f.size ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN f.yanked AND f.quarantined_at = 0 THEN 1 ELSE 0 END), 0),
		COALESCE(MAX(CASE WHEN f.quarantined_at = 0 THEN f.yanked_reason ELSE '' END), ''),
		COALESCE(SUM(CASE WHEN f.quarantined_at > 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN f.quarantined_at > 0 THEN f.size ELSE 0 END), 0)
		FROM releases r LEFT JOIN files f ON f.release_id = r.id WHERE r.project_id = $1
		GROUP BY r.id, r.project_id, r.version, r.version_key, r.created_at`, projectID)
}
