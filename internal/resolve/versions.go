package resolve

import (
	"context"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream/pages"
)

// UpstreamVersions returns the versions of a project that an upstream has for the readers of a repository, whatever the
// caller may read. It implements ingest.UpstreamVersions.
func (x *Reader) UpstreamVersions(ctx context.Context, r catalog.Repository,
	name packaging.ProjectName,
) ([]string, error) {
	if x.o.Upstreams == nil {
		return nil, nil
	}
	at, err := x.index.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	v := &View{opened: opened{Repository: r, At: at}, Name: name}
	if v.chain, err = x.index.Chain(ctx, at, r); err != nil {
		return nil, err
	}
	if v.Ownership, err = x.originOf(ctx, v.opened, name); err != nil {
		return nil, err
	}
	_, able, err := x.able(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, u := range able {
		held, err := x.o.Pages.Get(ctx, *u, name, pages.Normal, true)
		if err != nil {
			return nil, Explained(err)
		}
		if held.Absent {
			continue
		}
		p, err := held.Page()
		if err != nil {
			return nil, err
		}
		return p.Versions(), nil
	}
	return nil, nil
}
