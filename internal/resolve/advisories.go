package resolve

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Advised returns the advisories about a release of a view: those that feeds state about a canonical version of an
// upstream's project. Releases of this index are never looked up, because feeds are about other projects of that name.
func (x *Reader) Advised(ctx context.Context, v *View, d catalog.ReleaseDetail) ([]advisory.Advisory, error) {
	foreign := slices.ContainsFunc(d.Files, func(f catalog.File) bool { return f.Upstream != nil })
	if x.o.Advisories == nil || v.Upstream.Name == "" || !foreign {
		return nil, nil
	}
	about, _, err := x.o.Advisories.About(ctx, v.At, v.Name)
	if about == nil || err != nil {
		return nil, err
	}
	return about.Of(d.Release.Version), nil
}

// Asking is a caller in a repository, who asks about names without reading their pages.
type Asking struct {
	x   *Reader
	o   opened
	who access.Caller
}

// Asking returns a caller in a repository, or the error of View if the caller may not read the repository.
func (x *Reader) Asking(ctx context.Context, who access.Caller, repo string) (*Asking, error) {
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return nil, err
	}
	return &Asking{x, o, who}, nil
}

// At returns the stamp of the answers.
func (a *Asking) At() memo.Stamp { return a.o.At }

// Own reports whether a release of that name is this index's own as far as the caller can see. It asks no upstream, and
// answers about a project that the caller may not read as about one that does not exist. A version of "" is any.
func (a *Asking) Own(ctx context.Context, name packaging.ProjectName, version string) (bool, error) {
	project, readable, err := a.x.firstOwn(ctx, a.who, a.o, name)
	if err != nil || project.ID == "" || !readable {
		return false, err
	}
	owner, err := a.x.originOf(ctx, a.o, name)
	if err != nil || owner.Origin == catalog.Foreign {
		return false, err
	}
	if owner.Origin != catalog.Both {
		return true, nil
	}
	c, err := a.x.index.Contents(ctx, a.who, project.Repository.Name, name)
	if err != nil {
		return false, err
	}
	v, err := packaging.ParseVersion(version)
	return err == nil && slices.ContainsFunc(c.Releases, func(r catalog.Release) bool {
		own, err := packaging.ParseVersion(r.Version)
		return err == nil && own.Compare(v) == 0
	}), nil
}
