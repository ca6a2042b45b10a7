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
		s, err := x.standing(ctx, v.At, v.Name)
		if err != nil {
			return catalog.ReleaseDetail{}, err
		}
		if s.Revision == "" {
			return x.index.Release(ctx, who, v.Project.Repository.Name, v.Name, version)
		}
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
	switch {
	case v.Own() || v.Project.ID != "" && len(d.Files) > 0 && d.Files[0].Upstream == nil:
		return x.withMetadata(ctx, who, v, d)
	case len(d.Files) == 0 || d.Files[0].Upstream == nil:
		return d, nil
	}
	d.Metadata, err = x.metadata(ctx, v, d)
	return d, err
}

// withMetadata adds the metadata of a release of this index. It comes from a file that is served, or is left out.
func (x *Reader) withMetadata(ctx context.Context, who access.Caller, v *View,
	d catalog.ReleaseDetail,
) (catalog.ReleaseDetail, error) {
	own, err := x.index.Release(ctx, who, v.Project.Repository.Name, v.Name, d.Release.Version)
	if d.Metadata = own.Metadata; err != nil || len(own.Files) == 0 {
		return d, err
	}
	if !served(d.Files, catalog.Telling(own.Files).Filename) {
		d.Metadata = bare(v, d.Release.Version)
	}
	return d, nil
}

// served reports whether a file is listed and neither held nor denied.
func served(files []catalog.File, filename string) bool {
	return slices.ContainsFunc(files, func(f catalog.File) bool { return f.Filename == filename && !f.Held() })
}

// bare is the metadata of a release of which nothing but the version is shown.
func bare(v *View, version string) packaging.Metadata {
	return packaging.Metadata{Name: v.Name.String(), Version: version}
}

// telling picks the file whose metadata represents the release, among those that are served, if there are any.
func telling(files []catalog.File) catalog.File {
	if served := slices.DeleteFunc(slices.Clone(files), func(f catalog.File) bool { return f.Held() }); len(served) > 0 {
		return catalog.Telling(served)
	}
	return catalog.Telling(files)
}

// metadata reads the metadata of the file that represents a release of an upstream. A failure is not an error: the
// files can be listed without.
func (x *Reader) metadata(ctx context.Context, v *View, d catalog.ReleaseDetail) (packaging.Metadata, error) {
	only := bare(v, d.Release.Version)
	p, err := v.held.Page()
	if err != nil {
		return only, err
	}
	source := telling(d.Files)
	i := slices.IndexFunc(p.Files, func(f page.File) bool { return f.Filename == source.Filename })
	if i < 0 || !p.Files[i].Metadata || source.Held() {
		return only, nil
	}
	document, _, err := x.o.Files.Metadata(ctx, v.Upstream, p.Files[i], v.fetch && !x.o.Offline)
	if err != nil {
		return only, nil //nolint:nilerr // said above
	}
	m, _, err := packaging.ParseMetadata(document, source.Kind)
	if err != nil {
		return only, nil //nolint:nilerr // said above
	}
	return m, nil
}
