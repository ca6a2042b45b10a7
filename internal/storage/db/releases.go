package db

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
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
		`SELECT `+releaseColumns+` FROM releases WHERE project_id = $1 AND `+t.offered("releases.id")+`
		ORDER BY created_at, id`, projectID)
}

// ShownReleases implements catalog.Tx. All rows are one text, like those of ShownFiles.
func (t *Tx) ShownReleases(ctx context.Context, projectID string) ([]catalog.Release, error) {
	all, err := one(ctx, t, "releases", scanText, `SELECT COALESCE(string_agg(concat_ws(CAST($2 AS TEXT), version, version_key,
		created_at, id), CAST($3 AS TEXT)), '') FROM releases WHERE project_id = $1 AND `+t.offered("releases.id"),
		projectID, listSeparator, listEnd)
	if err != nil || all == "" {
		return nil, err
	}
	releases := make([]catalog.Release, 0, strings.Count(all, listEnd)+1)
	for text := range strings.SplitSeq(all, listEnd) {
		part := strings.Split(text, listSeparator)
		if len(part) != 4 {
			return nil, fault.New(fault.Internal, "a release's row is malformed: %q", text)
		}
		created, err := strconv.ParseInt(part[2], 10, 64)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "a release's row is malformed: %v", err)
		}
		releases = append(releases, catalog.Release{Version: part[0], Key: part[1], CreatedAt: moment(created), ID: part[3]})
	}
	slices.SortFunc(releases, func(a, b catalog.Release) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	for i := range releases {
		releases[i].ID, releases[i].CreatedAt = "", time.Time{}
	}
	return releases, nil
}

// offered is the condition that a release, given by its id, has a file outside quarantine or no files. Few files are in
// quarantine, so their index decides most cases.
func (t *Tx) offered(id string) string {
	return `(NOT EXISTS (SELECT 1 FROM ` + t.db.dialect.quarantined + ` WHERE q.release_id = ` + id + ` AND q.quarantined_at > 0)
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
