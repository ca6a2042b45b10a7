package publishers

import (
	"context"

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
	repo, err := tx.RepositoryByName(ctx, repositoryName(repository))
	if fault.Is(err, fault.NotFound) {
		return catalog.Project{}, absent
	} else if err != nil {
		return catalog.Project{}, err
	}
	p, err := tx.ProjectByName(ctx, repo.ID, name)
	if fault.Is(err, fault.NotFound) || err == nil && !MayManage(who, p) {
		return catalog.Project{}, absent
	}
	return p, err
}

// repositoryFor returns a repository in which the caller may create projects, or fault.NotFound.
func repositoryFor(ctx context.Context, tx Tx, who access.Caller, name string) (catalog.Repository, error) {
	name = repositoryName(name)
	repo, err := tx.RepositoryByName(ctx, name)
	if fault.Is(err, fault.NotFound) || err == nil && !who.MayCreate(repo.Object()) {
		return catalog.Repository{},
			fault.New(fault.NotFound, "there is no repository %.100q in which you may create projects", name)
	}
	return repo, err
}

func repositoryName(s string) string {
	if s == "" {
		return catalog.MainRepository
	}
	return s
}

// RepositoryByID returns a repository, or fault.NotFound.
func RepositoryByID(ctx context.Context, tx Tx, id string) (catalog.Repository, error) {
	all, err := tx.Repositories(ctx)
	if err != nil {
		return catalog.Repository{}, err
	}
	for _, r := range all {
		if r.ID == id {
			return r, nil
		}
	}
	return catalog.Repository{}, fault.New(fault.NotFound, "there is no such repository")
}
