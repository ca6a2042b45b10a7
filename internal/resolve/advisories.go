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

// Advised returns the advisories about a release of the view with these files, those about malware first. It returns
// none for a release of this index, because feeds are about other projects of that name. The Variant differs whenever
// the result does.
func (v *View) Advised(version string, files []catalog.File) []advisory.Advisory {
	foreign := slices.ContainsFunc(files, func(f catalog.File) bool { return f.Upstream != nil })
	if !foreign || v.ruled == nil || v.ruled.about == nil {
		return nil
	}
	return v.ruled.about.Of(version)
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
	return slices.ContainsFunc(c.Releases, func(r catalog.Release) bool {
		return catalog.SameVersion(r.Version, version)
	}), nil
}
