package resolve

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream/page"
)

// Contents returns what the page of a view lists. The files of an upstream have their Upstream set. Their releases have
// their version as ID. Files that are not served have a Decision; a repository may leave them out.
func (x *Reader) Contents(ctx context.Context, who access.Caller, v *View) (catalog.Contents, error) {
	return x.contents(ctx, who, v, x.index.Contents, false)
}

// Shown is Contents with only what pages show of the files of this index; see catalog.Index.Shown.
func (x *Reader) Shown(ctx context.Context, who access.Caller, v *View) (catalog.Contents, error) {
	return x.contents(ctx, who, v, x.index.Shown, false)
}

// All is Contents with all files that are not served, also if the repository leaves them out and if the whole project
// is denied.
func (x *Reader) All(ctx context.Context, who access.Caller, v *View) (catalog.Contents, error) {
	return x.contents(ctx, who, v, x.index.Contents, true)
}

func (x *Reader) contents(ctx context.Context, who access.Caller, v *View,
	own func(context.Context, access.Caller, string, packaging.ProjectName) (catalog.Contents, error), all bool,
) (catalog.Contents, error) {
	c := catalog.Contents{Project: v.Project}
	m := x.marking(v)
	m.all = all
	rules := policy.Rules{NameDenied: v.denied}
	if v.Project.ID != "" {
		var err error
		if c, err = own(ctx, who, v.Project.Repository.Name, v.Name); err != nil {
			return c, err
		}
		standing, err := x.standing(ctx, v.At, v.Name)
		if err != nil {
			return c, err
		}
		m.markOwn(c.Files, standing)
		rules = ownRules(standing)
	} else {
		c.Project = catalog.Project{
			Repository: v.Repository, Name: v.Name, Display: v.Name.String(), Status: catalog.Active,
		}
	}
	now := x.o.Now()
	if v.Upstream.Name != "" {
		p, err := v.held.Page()
		if err != nil {
			return c, err
		}
		rules = v.rulesOf(p)
		v.period.end(v.addForeign(&c, p, &rules, &m, now))
		x.queue(v, p)
	}
	if all {
		return c, nil
	}
	if d, denied := whole(&rules, v.Project.ID != "", now); denied {
		m.empty(&c, d)
	}
	m.hide(&c)
	return c, nil
}

// queue lets the digests of files that the upstream states none for be found, if the repository requires them and the
// caller may cause a download.
func (x *Reader) queue(v *View, p page.Page) {
	if x.o.Files == nil || x.o.Offline || !v.fetch || !v.Repository.RequireHashes {
		return
	}
	if unknown := v.undigested(p); len(unknown) > 0 {
		x.o.Files.Queue(v.Upstream, v.Name, unknown)
	}
}

// undigested returns the files for which the upstream states no digest and none is known.
func (v *View) undigested(p page.Page) (all []page.File) {
	for i := range p.Files {
		if f := &p.Files[i]; f.SHA256 == "" && v.pins[f.Path(v.Upstream.ArtifactBase)] == "" {
			all = append(all, *f)
		}
	}
	return all
}

// addForeign adds the upstream's part of the contents. A version that is own stays own alone. It returns the moment at
// which a decision about it changes by time alone, or the zero time.
func (v *View) addForeign(c *catalog.Contents, p page.Page, rules *policy.Rules, m *marking,
	now time.Time,
) (until time.Time) {
	if v.Project.ID == "" {
		c.Project.Status, c.Project.StatusReason = status(p), p.StatusReason
	}
	if rules.StatusDenied && !m.all && (rules.StatusHere || len(rules.Lifts) == 0) {
		return until
	}
	own := map[string]bool{}
	for _, r := range c.Releases {
		own[r.Key] = true
	}
	fresh, until := v.foreignFiles(p, rules, m, now)
	alone := len(c.Files) == 0 && len(own) == 0 // the usual case needs no other list
	if alone {
		c.Files = fresh
	}
	var added []catalog.Release
	keys := map[string]string{}
	for i := range fresh {
		f := &fresh[i]
		key, seen := keys[f.Version]
		if !seen {
			if parsed, err := packaging.ParseVersion(f.Version); err == nil {
				key = parsed.Key()
			}
			keys[f.Version] = key
			if !own[key] {
				added = append(added, catalog.Release{ID: f.Version, Version: f.Version, Key: key})
			}
		}
		if !alone && !own[key] {
			c.Files = append(c.Files, *f)
		}
	}
	slices.SortStableFunc(added, byVersion)
	c.Releases = append(c.Releases, added...)
	return until
}

func byVersion(a, b catalog.Release) int {
	v, err := packaging.ParseVersion(a.Version)
	w, err2 := packaging.ParseVersion(b.Version)
	if err != nil || err2 != nil {
		return cmp.Compare(a.Version, b.Version)
	}
	return v.Compare(w)
}

func status(p page.Page) catalog.Status {
	switch s := catalog.Status(p.Status); s {
	case catalog.Archived, catalog.Deprecated, catalog.Quarantined:
		return s
	}
	return catalog.Active
}

// foreignFiles returns the files of a page that may be listed: those with a digest, or all if the repository does not
// require one. Those that are not served are marked. until is the moment at which a decision changes by time alone.
func (v *View) foreignFiles(p page.Page, rules *policy.Rules, m *marking,
	now time.Time,
) (out []catalog.File, until time.Time) {
	out = make([]catalog.File, 0, len(p.Files))
	extra := make([]catalog.UpstreamFile, len(p.Files))
	judged := v.judge(&p)
	for i := range p.Files {
		f := v.listed(&p.Files[i], &extra[i])
		if f.SHA256 == "" && v.Repository.RequireHashes {
			continue
		}
		d := rules.Decide(&judged[i], now)
		if !d.Changes.IsZero() && (until.IsZero() || d.Changes.Before(until)) {
			until = d.Changes
		}
		m.mark(&f, d)
		out = append(out, f)
	}
	return out, until
}

// listed returns a file of the view's upstream as pages list it. It fills in extra, which belongs to the file.
func (v *View) listed(f *page.File, extra *catalog.UpstreamFile) catalog.File {
	path := f.Path(v.Upstream.ArtifactBase)
	pin, size, metadata, metadataSHA256 := v.pins[path], f.Size, f.Metadata, f.MetadataSHA256
	if pin != "" && f.SHA256 != "" && pin != f.SHA256 { // accepted: the page's record is about the file before
		size, metadata, metadataSHA256 = -1, false, ""
	}
	*extra = catalog.UpstreamFile{
		Name: v.Upstream.Name, Path: path, Metadata: metadata, Provenance: f.Provenance != "", Signed: f.Signed,
	}
	return catalog.File{
		Filename: f.Filename, Kind: f.Kind, Version: f.Version, ReleaseID: f.Version,
		Size: size, SHA256: cmp.Or(pin, f.SHA256), MetadataSHA256: metadataSHA256,
		RequiresPython: f.RequiresPython, Yanked: f.Yanked, YankedReason: f.YankedReason,
		UploadedAt: f.Uploaded, Upstream: extra,
	}
}
