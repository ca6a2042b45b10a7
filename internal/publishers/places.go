package publishers

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// MayManage reports whether the caller may change the publishers of a project.
func MayManage(who access.Caller, p catalog.Project) bool {
	return who.Admin() || who.May(access.Owner, p.Object())
}

// ProjectFor returns a project whose publishers the caller may change. It returns the same fault.NotFound if the
// project does not exist and if the caller may not change its publishers.
func ProjectFor(ctx context.Context, tx Tx, who access.Caller, repository string,
	name packaging.ProjectName,
) (catalog.Project, error) {
	absent := fault.New(fault.NotFound, "there is no project %s here whose publishers you may change", name)
	var p catalog.Project
	repo, err := tx.RepositoryByName(ctx, repositoryName(repository))
	if err == nil {
		p, err = tx.ProjectByName(ctx, repo.ID, name)
	}
	if fault.Is(err, fault.NotFound) || err == nil && !MayManage(who, p) {
		return catalog.Project{}, absent
	}
	return p, err
}

func repositoryFor(ctx context.Context, tx Tx, who access.Caller, name string) (catalog.Repository, error) {
	name = repositoryName(name)
	repo, err := tx.RepositoryByName(ctx, name)
	if fault.Is(err, fault.NotFound) || err == nil && !who.MayCreate(repo.Object()) {
		return catalog.Repository{},
			fault.New(fault.NotFound, "there is no repository %.100q in which you may create projects", name)
	}
	return repo, err
}

func repositoryName(s string) string { return cmp.Or(s, catalog.MainRepository) }

// RepositoryByID returns a repository, or fault.NotFound.
func RepositoryByID(ctx context.Context, tx Tx, id string) (catalog.Repository, error) {
	all, err := tx.Repositories(ctx)
	i := slices.IndexFunc(all, func(r catalog.Repository) bool { return r.ID == id })
	if err != nil || i < 0 {
		return catalog.Repository{}, cmp.Or(err, fault.New(fault.NotFound, "there is no such repository"))
	}
	return all[i], nil
}
