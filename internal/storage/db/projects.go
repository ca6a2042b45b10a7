package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

const projectColumns = `p.id, p.name, p.display, p.status, p.status_reason, p.serial, p.size, p.created_at, p.trusted_only, p.file_limit, p.size_limit, p.startup_files`

type projectRow struct {
	p       catalog.Project
	name    string
	created int64
}

func (s *projectRow) into() []any {
	return []any{
		&s.p.ID, &s.name, &s.p.Display, &s.p.Status, &s.p.StatusReason, &s.p.Serial, &s.p.Size, &s.created, &s.p.TrustedOnly,
		&s.p.Limits.FileSize, &s.p.Limits.ProjectSize, &s.p.StartupFiles,
	}
}

func (s *projectRow) value() (catalog.Project, error) {
	name, err := packaging.ParseProjectName(s.name)
	s.p.Name, s.p.CreatedAt = name, moment(s.created)
	return s.p, err
}

func scanProject(r row) (catalog.Project, error) {
	var p projectRow
	var of repositoryRow
	if err := r.Scan(append(p.into(), of.into()...)...); err != nil {
		return catalog.Project{}, err
	}
	repository, err := of.value()
	if err != nil {
		return catalog.Project{}, err
	}
	p.p.Repository = repository
	return p.value()
}

const selectProject = `SELECT ` + projectColumns + `, ` + repositoryColumns + `
	FROM projects p JOIN repositories r ON r.id = p.repository_id `

func (t *Tx) InsertProject(ctx context.Context, p catalog.Project) error {
	err := t.insert(ctx, "project "+p.Name.String(), `INSERT INTO projects
		(id, repository_id, name, display, status, status_reason, serial, size, created_at, trusted_only,
		file_limit, size_limit, startup_files) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT DO NOTHING`,
		p.ID, p.Repository.ID, p.Name.String(), p.Display, string(p.Status), p.StatusReason, p.Serial, p.Size,
		micros(p.CreatedAt), p.TrustedOnly,
		p.Limits.FileSize, p.Limits.ProjectSize, p.StartupFiles)
	if err != nil || p.Size == 0 {
		return err
	}
	_, err = t.exec(ctx, `UPDATE repositories SET size = size + $2 WHERE id = $1`, p.Repository.ID, p.Size)
	return err
}

// resizeRepository adds the difference between the old and the new size of a project to its repository's.
const resizeRepository = `UPDATE repositories SET size = size + $2 - (SELECT p.size FROM projects p WHERE p.id = $1)
	WHERE id = (SELECT p.repository_id FROM projects p WHERE p.id = $1 AND p.size <> $2)`

// UpdateProject returns fault.NotFound if the project is gone.
func (t *Tx) UpdateProject(ctx context.Context, p catalog.Project) error {
	if _, err := t.exec(ctx, resizeRepository, p.ID, p.Size); err != nil {
		return err
	}
	ok, err := t.did(ctx,
		`UPDATE projects SET display = $2, status = $3, status_reason = $4, serial = $5, size = $6, trusted_only = $7,
		file_limit = $8, size_limit = $9, startup_files = $10 WHERE id = $1`,
		p.ID, p.Display, string(p.Status), p.StatusReason, p.Serial, p.Size, p.TrustedOnly, p.Limits.FileSize,
		p.Limits.ProjectSize, p.StartupFiles)
	if err == nil && !ok {
		return fault.New(fault.NotFound, "no such project")
	}
	return err
}

// DeleteProject: publishers and readers that no other project uses go too; links of
// tokens, publishers and readers go with the row.
func (t *Tx) DeleteProject(ctx context.Context, id string) error {
	if err := t.unsettle(ctx, `project_id`, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, resizeRepository, id, int64(0)); err != nil {
		return err
	}
	for _, q := range []string{
		`DELETE FROM files WHERE project_id = $1`,
		`DELETE FROM releases WHERE project_id = $1`,
		`DELETE FROM grants WHERE project_id = $1`,
		`DELETE FROM group_grants WHERE project_id = $1`,
		`DELETE FROM publishers WHERE id IN (SELECT publisher_id FROM project_publishers WHERE project_id = $1)
			AND NOT EXISTS (SELECT 1 FROM project_publishers l WHERE l.publisher_id = publishers.id AND l.project_id <> $1)
			AND NOT EXISTS (SELECT 1 FROM repository_publishers l WHERE l.publisher_id = publishers.id)`,
		`DELETE FROM readers WHERE NOT whole AND id IN (SELECT reader_id FROM reader_projects WHERE project_id = $1)
			AND NOT EXISTS (SELECT 1 FROM reader_projects l WHERE l.reader_id = readers.id AND l.project_id <> $1)`,
		`DELETE FROM projects WHERE id = $1`,
	} {
		if _, err := t.exec(ctx, q, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) ProjectByName(ctx context.Context, repositoryID string,
	name packaging.ProjectName,
) (catalog.Project, error) {
	return one(ctx, t, "project", scanProject, selectProject+`WHERE p.repository_id = $1 AND p.name = $2`, repositoryID,
		name.String())
}

func (t *Tx) ProjectByID(ctx context.Context, id string) (catalog.Project, error) {
	return one(ctx, t, "project", scanProject, selectProject+`WHERE p.id = $1`, id)
}

func (t *Tx) ProjectID(ctx context.Context, repository, project string) (string, error) {
	return one(ctx, t, "project", scanText, `SELECT p.id FROM projects p JOIN repositories r ON r.id = p.repository_id
		WHERE r.name = $1 AND p.name = $2`, repository, project)
}

func (t *Tx) Projects(ctx context.Context, repositoryID string) ([]catalog.Project, error) {
	out, err := t.projectsOf(ctx, repositoryID, `ORDER BY p.name`)
	slices.SortFunc(out, func(a, b catalog.Project) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	return out, err
}

// skeleton is packaging.ProjectName.Skeleton in SQL. Migration 17 creates an index on it.
const skeleton = `REPLACE(REPLACE(REPLACE(REPLACE(p.name, '-', ''), 'l', '1'), 'i', '1'), 'o', '0')`

func (t *Tx) ProjectWithSkeleton(ctx context.Context, repositoryID, like string) (catalog.Project, error) {
	return one(ctx, t, "project", scanProject, selectProject+`WHERE p.repository_id = $1 AND `+skeleton+` = $2 LIMIT 1`,
		repositoryID, like)
}

// listSeparator occurs in no identifier, status or normalized name.
const listSeparator = "\x1f"

// ListedSince implements catalog.Tx. Each row is one text, because with up to 100,000 rows passing more columns through
// the SQLite driver costs more than concatenating them.
func (t *Tx) ListedSince(ctx context.Context, repositoryID string, serial int64) ([]catalog.Listed, int, error) {
	total, err := many(ctx, t, scanCount, `SELECT COUNT(*) FROM projects WHERE repository_id = $1`, repositoryID)
	if err != nil {
		return nil, 0, err
	}
	out, err := many(ctx, t, scanListing,
		`SELECT p.id || $2 || p.status || $2 || CAST(p.serial AS TEXT) || $2 || p.name || $2 || p.display
		FROM projects p WHERE p.repository_id = $1 AND p.serial > $3`, repositoryID, listSeparator, serial)
	slices.SortFunc(out, func(a, b catalog.Listed) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	return out, total[0], err
}

// listed is the text of a project for scanListing.
const listed = `$2 || p.status || $2 || CAST(p.serial AS TEXT) || $2 || p.name || $2 || p.display FROM projects p
	WHERE p.repository_id = $1 `

// EachListed implements catalog.Tx.
func (t *Tx) EachListed(ctx context.Context, repositoryID string, f func(catalog.Listed) error) error {
	return t.query(ctx, func(r row) error {
		p, err := scanListing(r)
		if err != nil {
			return err
		}
		return f(p)
	}, `SELECT `+listed+`ORDER BY p.name || ''`, repositoryID, listSeparator)
}

func (t *Tx) CountListed(ctx context.Context, repositoryID string, first, last int64) (int, error) {
	return one(ctx, t, "number of projects", scanCount, `SELECT COUNT(*) FROM projects
		WHERE repository_id = $1 AND serial >= $2 AND serial <= $3`, repositoryID, first, last)
}

// ListedBetween implements catalog.Tx.
func (t *Tx) ListedBetween(ctx context.Context, repositoryID string, first, last int64) ([]catalog.Listed, error) {
	return many(ctx, t, scanListing, `SELECT `+listed+`AND p.serial >= $3 AND p.serial <= $4`, repositoryID,
		listSeparator, first, last)
}

func scanListing(r row) (l catalog.Listed, err error) {
	var text string
	if err := r.Scan(&text); err != nil {
		return l, err
	}
	var part [4]string // the rest is the display name
	rest, ok := text, true
	for i := range part {
		if part[i], rest, ok = strings.Cut(rest, listSeparator); !ok {
			return l, fault.New(fault.Internal, "a project's row is malformed: %q", text)
		}
	}
	l.ID, l.Status, l.Display = part[0], catalog.Status(part[1]), rest
	if l.Serial, err = strconv.ParseInt(part[2], 10, 64); err != nil {
		return l, err
	}
	l.Name, err = packaging.ParseProjectName(part[3])
	return l, err
}

// projectsOf reads projects of one repository, whose own row is read once. rest holds a condition that begins with AND
// and the order; its arguments start at $2.
func (t *Tx) projectsOf(ctx context.Context, repositoryID, rest string, args ...any) ([]catalog.Project, error) {
	repository, err := t.repositoryByID(ctx, repositoryID)
	if err != nil {
		return nil, err
	}
	scan := func(r row) (catalog.Project, error) {
		s := projectRow{p: catalog.Project{Repository: repository}}
		if err := r.Scan(s.into()...); err != nil {
			return catalog.Project{}, err
		}
		return s.value()
	}
	return many(ctx, t, scan, `SELECT `+projectColumns+` FROM projects p WHERE p.repository_id = $1 `+rest,
		append([]any{repositoryID}, args...)...)
}

func (t *Tx) ProjectsNamed(ctx context.Context, repositoryID, text string,
	offset, size int,
) ([]catalog.Project, int, error) {
	const named = `AND p.name LIKE $2 ESCAPE '!' `
	like := "%" + likeText.Replace(text) + "%"
	total, err := one(ctx, t, "project", scanCount, `SELECT COUNT(*) FROM projects p WHERE p.repository_id = $1 `+named,
		repositoryID, like)
	if err != nil || total <= offset {
		return nil, total, err
	}
	out, err := t.projectsOf(ctx, repositoryID, named+`ORDER BY p.name LIMIT $3 OFFSET $4`, like, size, offset)
	return out, total, err
}

// atOnce is the number of ids in one statement; databases limit the number of arguments.
const atOnce = 500

func (t *Tx) ProjectsByID(ctx context.Context, repositoryID string, ids []string) (out []catalog.Project, err error) {
	for chunk := range slices.Chunk(ids, atOnce) {
		args, places := make([]any, len(chunk)), make([]string, len(chunk))
		for i, id := range chunk {
			args[i], places[i] = id, fmt.Sprintf("$%d", i+2)
		}
		found, err := t.projectsOf(ctx, repositoryID, `AND p.id IN (`+strings.Join(places, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}
