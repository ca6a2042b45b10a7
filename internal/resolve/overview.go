package resolve

import (
	"context"
	"errors"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// Overview is a project with one release in full, as web pages show it. Its repository is the one that was asked,
// unless the project is this index's own.
type Overview struct {
	catalog.Overview
	View    View
	Waiting int // files of the upstream that are not listed, because it states no SHA-256 and none is known yet
}

// metadataTime is how long a page waits for core metadata that has to be fetched. Without it, it still lists the files.
const metadataTime = 3 * time.Second

// Overview returns the overview of a view, with the release of a version or the latest for "". It returns
// fault.NotFound if there is no such release.
func (x *Reader) Overview(ctx context.Context, who access.Caller, v *View, version string) (Overview, error) {
	out := Overview{View: *v}
	var err error
	if v.Own() {
		if out.Overview, err = x.index.Overview(ctx, who, v.Project.Repository.Name, v.Name, version); err != nil {
			return out, err
		}
		return out, x.markOverview(ctx, who, v, &out, version)
	}
	c, err := x.Contents(ctx, who, v)
	if err != nil {
		return out, err
	}
	if v.Project.ID != "" {
		if out.Overview, err = x.index.Releases(ctx, who, v.Project.Repository.Name, v.Name); err != nil {
			return out, err
		}
		if v.ruled != nil && v.ruled.standing.Revision != "" {
			out.MarkHeld(c)
		}
	}
	out.Project = c.Project
	out.AddUpstream(c)
	if out.Waiting, err = v.waiting(); err != nil {
		return out, err
	}
	if out.Release = out.Latest; version != "" {
		i := out.Find(version)
		if i < 0 {
			return out, catalog.Missing("release of that version")
		}
		out.Release = out.Releases[i]
	}
	return out, x.detail(ctx, who, &out, c)
}

// detail adds the files and the metadata of the release.
func (x *Reader) detail(ctx context.Context, who access.Caller, o *Overview, c catalog.Contents) error {
	if o.Release.ID == "" {
		return nil
	}
	o.Files = catalog.FilesOf(c.Files, o.Release.ID)
	if len(o.Files) == 0 || o.Files[0].Upstream == nil {
		own, err := x.index.Overview(ctx, who, o.Project.Repository.Name, o.View.Name, o.Release.Version)
		o.Files, o.Source, o.Metadata, o.Startup = own.Files, own.Source, own.Metadata, own.Startup
		if err != nil {
			return err
		}
		return x.markRelease(ctx, o)
	}
	o.Source = telling(o.Files)
	ctx, cancel := context.WithTimeout(ctx, metadataTime)
	defer cancel()
	var err error
	o.Metadata, err = x.metadata(ctx, &o.View,
		catalog.ReleaseDetail{Contents: c, Release: o.Release.Release, Files: o.Files})
	return err
}

// OwnOverview returns the overview of a project that the repository has itself, with the release of a version or the
// latest for "". Errors are those of catalog.Index.Overview.
func (x *Reader) OwnOverview(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) (out Overview, err error) {
	if out.Overview, err = x.index.Overview(ctx, who, repo, name, version); err != nil {
		return out, err
	}
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return out, err
	}
	out.View = View{opened: o, Name: name, Project: out.Project}
	return out, x.markOverview(ctx, who, &out.View, &out, version)
}

// RefuseOwn returns a Refused if a file of some releases of a project is denied, which the repository has itself.
func (x *Reader) RefuseOwn(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	versions ...string,
) error {
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return err
	}
	f, err := x.deniedOwn(ctx, who, o, name, versions...)
	if f == nil || err != nil {
		return err
	}
	return x.Refuse(&View{opened: o, Name: name}, *f)
}

// deniedOwn returns a denied file of some releases of a project that a repository has itself, or nil.
func (x *Reader) deniedOwn(ctx context.Context, who access.Caller, o opened, name packaging.ProjectName,
	versions ...string,
) (*catalog.File, error) {
	s, err := x.standing(ctx, o.At, name)
	if err != nil || s.Revision == "" {
		return nil, err
	}
	p, err := x.index.Project(ctx, who, o.Repository.Name, name)
	if err != nil {
		return nil, err
	}
	c, err := x.All(ctx, who, &View{opened: o, Name: name, Project: p})
	if err != nil {
		return nil, err
	}
	for i := range c.Files {
		f := &c.Files[i]
		same := func(version string) bool { return catalog.SameVersion(f.Version, version) }
		if f.Held() && slices.ContainsFunc(versions, same) {
			return f, nil
		}
	}
	return nil, nil
}

// Withhold replaces what cards of projects of a repository show of a denied release by the reason.
func (x *Reader) Withhold(ctx context.Context, who access.Caller, repo string, cards []catalog.Card) error {
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return err
	}
	for i := range cards {
		c := &cards[i]
		name, err := packaging.ParseProjectName(c.Name)
		if err != nil {
			return err
		}
		f, err := x.deniedOwn(ctx, who, o, name, c.Version)
		if err != nil && !catalog.IsMissing(err) { // deleted meanwhile
			return err
		}
		if f != nil {
			c.Summary = f.Decision.Text()
		}
	}
	return nil
}

// markOverview marks what people denied of a project that has files of this index only.
func (x *Reader) markOverview(ctx context.Context, who access.Caller, v *View, o *Overview, version string) error {
	s, err := x.standing(ctx, v.At, v.Name)
	if err != nil || s.Revision == "" {
		return err
	}
	c, err := x.Contents(ctx, who, v)
	if err != nil {
		return err
	}
	o.Project = c.Project
	o.MarkHeld(c)
	if o.Release = o.Latest; version != "" {
		i := o.Find(version)
		if i < 0 {
			return catalog.Missing("release of that version")
		}
		o.Release = o.Releases[i]
	}
	if o.Release.ID == "" {
		o.Files, o.Source, o.Metadata, o.Startup = nil, catalog.File{}, packaging.Metadata{}, nil
		return nil
	}
	full, err := x.index.Overview(ctx, who, v.Project.Repository.Name, v.Name, o.Release.Version)
	if err != nil {
		return err
	}
	o.Files, o.Source, o.Metadata, o.Startup = full.Files, full.Source, full.Metadata, full.Startup
	return x.markRelease(ctx, o)
}

// markRelease marks the files of the release, which are of this index, and leaves out metadata of a denied one.
func (x *Reader) markRelease(ctx context.Context, o *Overview) error {
	s, err := x.standing(ctx, o.View.At, o.View.Name)
	if err != nil || len(o.Files) == 0 {
		return err
	}
	m := x.marking(&o.View)
	m.markOwn(o.Files, s)
	if m.marked && !served(o.Files, o.Source.Filename) {
		o.Source, o.Metadata = telling(o.Files), bare(&o.View, o.Release.Version)
	}
	if m.repository.HidesHeld() {
		o.Files = slices.DeleteFunc(o.Files, func(f catalog.File) bool { return f.Held() })
	}
	return nil
}

// waiting counts the files of the upstream that are not listed for want of a digest.
func (v *View) waiting() (int, error) {
	if v.Upstream.Name == "" || !v.Repository.RequireHashes {
		return 0, nil
	}
	p, err := v.held.Page()
	if err != nil || p.Status == string(catalog.Quarantined) {
		return 0, err
	}
	return len(v.undigested(p)), nil
}

// Elsewhere is where a name comes from that a repository does not have itself.
type Elsewhere struct {
	Repository string // base that has it, "" if none
	Upstream   string // that is known to have it, "" if none
	// MayHave is set if neither is known, and an upstream may be asked about the name.
	MayHave bool
}

// Elsewhere finds a name without asking an upstream, for a caller who looks for it in a repository. The answer is zero
// for names of the repository itself, and for those that the caller may not read.
func (x *Reader) Elsewhere(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (e Elsewhere, err error) {
	o, err := x.open(ctx, who, repo)
	if err != nil || len(o.chain) == 1 {
		return e, err
	}
	v := &View{opened: o, Name: name}
	readable := true
	if v.Project, readable, err = x.firstOwn(ctx, who, o, name); err != nil || !readable {
		return e, err
	}
	v.Ownership, err = x.originOf(ctx, o, name)
	if errors.Is(err, catalog.ErrRecovered) {
		return e, nil
	} else if err != nil {
		return e, err
	}
	if v.Project.ID != "" && v.Ownership.Origin != catalog.Foreign {
		if v.Project.Repository.ID != v.Repository.ID && v.Project.Status != catalog.Quarantined {
			e.Repository = v.Project.Repository.Name
		}
		return e, nil
	}
	return x.elsewhereUpstream(ctx, who, v)
}

func (x *Reader) elsewhereUpstream(ctx context.Context, who access.Caller, v *View) (e Elsewhere, err error) {
	if v.Ownership.Origin == catalog.Own || x.o.Upstreams == nil || !mayReadUpstream(who, v.Repository) {
		return e, nil
	}
	_, may, err := x.able(ctx, v)
	if err != nil {
		return e, err
	}
	for _, u := range may {
		if readable, err := x.mayReadFrom(ctx, who, v.opened, u.Name); err != nil || !readable {
			return Elsewhere{}, err
		}
	}
	for _, u := range may {
		if u.Name == v.Ownership.Upstream {
			e.Upstream = u.Name
		}
	}
	e.MayHave = e.Upstream == "" && len(may) > 0 && !x.o.Offline && mayFetch(who, v.Repository)
	return e, nil
}

// ForeignFile returns a file that an overview lists, to be opened. The file must come from an upstream.
func (x *Reader) ForeignFile(ctx context.Context, who access.Caller, v *View, f catalog.File,
	ask Ask,
) (ForeignFile, error) {
	return x.onPage(ctx, who, v.opened, v.Name, f.Upstream.Name, f.Upstream.Path, ask)
}
