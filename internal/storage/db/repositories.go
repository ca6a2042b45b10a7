package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

const repositoryColumns = `r.id, r.name, r.members, r.public, r.created_at,
	r.require_hashes, r.upstream_readers, r.anonymous_fetch, r.declared, r.size, r.size_limit,
	r.cooldown, r.cooldown_since, r.observe, r.startup_files, r.show_held, r.keep_removed`

type repositoryRow struct {
	r       catalog.Repository
	members string
	created int64

	cooldown, since int64 // in microseconds
}

func (s *repositoryRow) into() []any {
	return []any{
		&s.r.ID, &s.r.Name, &s.members, &s.r.Public, &s.created,
		&s.r.RequireHashes, &s.r.UpstreamReaders, &s.r.AnonymousFetch, &s.r.Declared, &s.r.Size, &s.r.SizeLimit,
		&s.cooldown, &s.since, &s.r.Observe, &s.r.StartupFiles, &s.r.ShowHeld, &s.r.KeepRemoved,
	}
}

func (s *repositoryRow) value() (catalog.Repository, error) {
	role, err := access.ParseRole(s.members)
	s.r.Members, s.r.CreatedAt = role, moment(s.created)
	s.r.Cooldown, s.r.CooldownSince = time.Duration(s.cooldown)*time.Microsecond, moment(s.since)
	return s.r, err
}

func scanRepository(r row) (catalog.Repository, error) {
	var s repositoryRow
	if err := r.Scan(s.into()...); err != nil {
		return catalog.Repository{}, err
	}
	return s.value()
}

func (t *Tx) InsertRepository(ctx context.Context, r catalog.Repository) error {
	return t.insert(ctx, "repository "+r.Name, `INSERT INTO repositories (id, name, members, public, created_at,
		require_hashes, upstream_readers, anonymous_fetch, declared, size_limit,
		cooldown, cooldown_since, observe, startup_files, show_held, keep_removed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT DO NOTHING`, r.ID, r.Name, r.Members.String(), r.Public, micros(r.CreatedAt),
		r.RequireHashes, r.UpstreamReaders, r.AnonymousFetch, r.Declared, r.SizeLimit,
		r.Cooldown.Microseconds(), micros(r.CooldownSince), r.Observe, r.StartupFiles, r.ShowHeld, r.KeepRemoved)
}

func (t *Tx) RepositoryByName(ctx context.Context, name string) (catalog.Repository, error) {
	return one(ctx, t, "repository", scanRepository, `SELECT `+repositoryColumns+` FROM repositories r WHERE r.name = $1`,
		name)
}

func (t *Tx) repositoryByID(ctx context.Context, id string) (catalog.Repository, error) {
	return one(ctx, t, "repository", scanRepository, `SELECT `+repositoryColumns+` FROM repositories r WHERE r.id = $1`,
		id)
}

// Repositories sorts names in Go because the databases sort text differently.
func (t *Tx) Repositories(ctx context.Context) ([]catalog.Repository, error) {
	out, err := many(ctx, t, scanRepository, `SELECT `+repositoryColumns+` FROM repositories r ORDER BY r.name`)
	slices.SortFunc(out, func(a, b catalog.Repository) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

func (t *Tx) DeleteRepository(ctx context.Context, id string) error {
	for _, q := range []string{
		`DELETE FROM grants WHERE repository_id = $1 AND project_id = ''`,
		`DELETE FROM pending_publishers WHERE repository_id = $1`,
		`DELETE FROM repository_bases WHERE repository_id = $1`,
		`DELETE FROM publishers WHERE id IN (SELECT publisher_id FROM repository_publishers WHERE repository_id = $1)
			AND NOT EXISTS (SELECT 1 FROM project_publishers l WHERE l.publisher_id = publishers.id)
			AND NOT EXISTS (SELECT 1 FROM repository_publishers l WHERE l.publisher_id = publishers.id AND l.repository_id <> $1)`,
	} {
		if _, err := t.exec(ctx, q, id); err != nil {
			return err
		}
	}
	gone, err := t.did(ctx, `DELETE FROM repositories WHERE id = $1
		AND NOT EXISTS (SELECT 1 FROM projects WHERE repository_id = $1)
		AND NOT EXISTS (SELECT 1 FROM tombstones WHERE repository_id = $1)`, id)
	if err == nil && !gone {
		return fault.New(fault.Conflict, "the repository is not empty")
	}
	return err
}

// UpdateRepository returns fault.NotFound if the repository does not exist. It leaves the size alone, which changes
// with the projects.
func (t *Tx) UpdateRepository(ctx context.Context, r catalog.Repository) error {
	did, err := t.did(ctx, `UPDATE repositories SET members = $2, public = $3, require_hashes = $4,
		upstream_readers = $5, anonymous_fetch = $6, declared = $7, size_limit = $8, cooldown = $9, cooldown_since = $10,
		observe = $11, startup_files = $12, show_held = $13, keep_removed = $14 WHERE id = $1`,
		r.ID, r.Members.String(), r.Public, r.RequireHashes, r.UpstreamReaders, r.AnonymousFetch, r.Declared, r.SizeLimit,
		r.Cooldown.Microseconds(), micros(r.CooldownSince), r.Observe, r.StartupFiles, r.ShowHeld, r.KeepRemoved)
	if err == nil && !did {
		return fault.New(fault.NotFound, "no such repository")
	}
	return err
}

func (t *Tx) PutBases(ctx context.Context, repositoryID string, bases []catalog.Base) error {
	if _, err := t.exec(ctx, `DELETE FROM repository_bases WHERE repository_id = $1`, repositoryID); err != nil {
		return err
	}
	for i, b := range bases {
		if _, err := t.exec(ctx, `INSERT INTO repository_bases (repository_id, position, base_id, upstream)
			VALUES ($1, $2, $3, $4)`, repositoryID, i, b.RepositoryID, b.Upstream); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) Bases(ctx context.Context, repositoryID string) ([]catalog.Base, error) {
	scan := func(r row) (b catalog.Base, err error) {
		err = r.Scan(&b.RepositoryID, &b.Repository, &b.Upstream)
		return b, err
	}
	return many(ctx, t, scan, `SELECT b.base_id, COALESCE(r.name, ''), b.upstream FROM repository_bases b
		LEFT JOIN repositories r ON r.id = b.base_id WHERE b.repository_id = $1 ORDER BY b.position`, repositoryID)
}

func (t *Tx) RepositoriesOn(ctx context.Context, b catalog.Base) ([]catalog.Repository, error) {
	return many(ctx, t, scanRepository, `SELECT `+repositoryColumns+` FROM repositories r
		WHERE r.id IN (SELECT repository_id FROM repository_bases WHERE base_id = $1 AND upstream = $2) ORDER BY r.name`,
		b.RepositoryID, b.Upstream)
}
