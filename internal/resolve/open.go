package resolve

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// opened is a repository that a caller may open, with its sources, as of one state of the index.
type opened struct {
	Repository catalog.Repository // that was asked
	At         memo.Stamp
	chain      []catalog.Source
}

// open returns the repository of a name, "" being main. It returns the errors of catalog.Index.Repository.
func (x *Reader) open(ctx context.Context, who access.Caller, repo string) (o opened, err error) {
	err = x.openInto(ctx, who, repo, &o)
	return o, err
}

// openInto is open with room for the result.
func (x *Reader) openInto(ctx context.Context, who access.Caller, repo string, o *opened) (err error) {
	if o.At, err = x.index.Stamp(ctx); err != nil {
		return err
	}
	if o.Repository, err = x.index.RepositoryAt(ctx, who, o.At, repo); err != nil {
		return err
	}
	o.chain, err = x.index.Chain(ctx, o.At, o.Repository)
	return err
}

// originOf returns whose a name is for the readers of the repository.
func (x *Reader) originOf(ctx context.Context, o opened, name packaging.ProjectName) (catalog.Ownership, error) {
	ids := make([]string, 0, len(o.chain))
	for _, s := range o.chain {
		if s.Upstream == "" {
			ids = append(ids, s.Repository.ID)
		}
	}
	return x.index.OriginOf(ctx, o.At, ids, name)
}

// firstOwn returns the project of the first repository of the chain that has the name, and whether the caller may read
// it. It returns the zero Project if none has it.
func (x *Reader) firstOwn(ctx context.Context, who access.Caller, o opened,
	name packaging.ProjectName,
) (catalog.Project, bool, error) {
	for _, s := range o.chain {
		if s.Upstream != "" {
			continue
		}
		p, readable, err := x.index.ProjectAt(ctx, who, o.At, s.Repository, name)
		if err == nil || !catalog.IsMissing(err) {
			return p, readable, err
		}
	}
	return catalog.Project{}, true, nil
}
