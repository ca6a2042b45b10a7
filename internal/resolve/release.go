package resolve

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// Release returns a release of a view by any spelling of its version, or the latest for "". That of an upstream has the
// metadata that this index holds or can get; without any, Metadata has only name and version.
func (x *Reader) Release(ctx context.Context, who access.Caller, v *View,
	version string,
) (catalog.ReleaseDetail, error) {
	if v.Own() {
		return x.index.Release(ctx, who, v.Project.Repository.Name, v.Name, version)
	}
	c, err := x.Contents(ctx, who, v)
	if err != nil {
		return catalog.ReleaseDetail{}, err
	}
	d := catalog.ReleaseDetail{Contents: c}
	if d.Release, err = catalog.PickRelease(c, version); err != nil {
		return d, err
	}
	d.Files = catalog.FilesOf(c.Files, d.Release.ID)
	if len(d.Files) == 0 || d.Files[0].Upstream == nil {
		if v.Project.ID != "" && len(d.Files) > 0 {
			return x.index.Release(ctx, who, v.Project.Repository.Name, v.Name, d.Release.Version)
		}
		return d, nil
	}
	d.Metadata, err = x.metadata(ctx, v, d)
	return d, err
}

// metadata reads the metadata of the file that represents a release of an upstream. A failure is not an error: the
// files can be listed without.
func (x *Reader) metadata(ctx context.Context, v *View, d catalog.ReleaseDetail) (packaging.Metadata, error) {
	only := packaging.Metadata{Name: v.Name.String(), Version: d.Release.Version}
	p, err := v.held.Page()
	if err != nil {
		return only, err
	}
	telling := catalog.Telling(d.Files)
	i := slices.IndexFunc(p.Files, func(f page.File) bool { return f.Filename == telling.Filename })
	if i < 0 || !p.Files[i].Metadata {
		return only, nil
	}
	document, _, err := x.o.Files.Metadata(ctx, v.Upstream, p.Files[i], v.fetch && !x.o.Offline)
	if err != nil {
		return only, nil //nolint:nilerr // said above
	}
	m, _, err := packaging.ParseMetadata(document, telling.Kind)
	if err != nil {
		return only, nil //nolint:nilerr // said above
	}
	return m, nil
}
