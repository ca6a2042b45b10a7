package resolve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

// OwnFile is a file of this index.
type OwnFile struct {
	catalog.File
	Project packaging.ProjectName
	From    string // the name of the repository that has it
}

// File returns a file of this index that the caller may read through a repository. A file counts only if its project is
// the one that the name means in the repository that was asked. It returns a Refused if the file is denied.
func (x *Reader) File(ctx context.Context, who access.Caller, repo, sha256, filename string) (OwnFile, error) {
	return x.ownFile(ctx, who, repo, sha256, filename)
}

var noFile = catalog.Missing("file of that name and digest")

// ownFile is File for any digest if sha256 is "".
func (x *Reader) ownFile(ctx context.Context, who access.Caller, repo, sha256, filename string) (OwnFile, error) {
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return OwnFile{}, err
	}
	for _, s := range o.chain {
		if s.Upstream != "" {
			continue
		}
		f, p, readable, err := x.index.FileAt(ctx, who, o.At, s.Repository, filename)
		if catalog.IsMissing(err) {
			continue
		}
		if err != nil {
			return OwnFile{}, err
		}
		if !readable {
			return OwnFile{}, noFile
		}
		shown, err := x.shows(ctx, who, o, p)
		if err == nil && (!shown || sha256 != "" && f.SHA256 != sha256) {
			err = noFile
		}
		if err == nil {
			err = x.refuseOwn(ctx, o, p.Name, &f)
		}
		if err != nil {
			return OwnFile{}, err
		}
		return OwnFile{File: f, Project: p.Name, From: s.Repository.Name}, nil
	}
	return OwnFile{}, noFile
}

// Attestations returns the verified attestations of a file of this index. Errors are those of File, and fault.NotFound
// if there are none.
func (x *Reader) Attestations(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version, filename string,
) ([]catalog.Attestation, error) {
	f, err := x.ownFile(ctx, who, repo, "", filename)
	if err != nil {
		return nil, err
	}
	return x.index.Provenance(ctx, who, f.From, name, version, filename)
}

// shows reports whether an own project is the one that its name means in a repository.
func (x *Reader) shows(ctx context.Context, who access.Caller, o opened, p catalog.Project) (bool, error) {
	if len(o.chain) == 1 {
		return true, nil
	}
	first, _, err := x.firstOwn(ctx, who, o, p.Name)
	if err != nil || first.ID != p.ID {
		return false, err
	}
	owner, err := x.originOf(ctx, o, p.Name)
	return owner.Origin != catalog.Foreign, err
}

// ForeignFile is a file of an upstream that the caller may read through a repository.
type ForeignFile struct {
	Upstream upstream.Upstream
	Project  packaging.ProjectName
	Path     string // below packages/ and the upstream's name
	File     page.File
	MayFetch bool // whether the caller may cause a request to the upstream

	view *View
}

// within returns a context in which the files decide as for the view of the file.
func (f ForeignFile) within(ctx context.Context) context.Context {
	if f.view == nil {
		return ctx
	}
	return context.WithValue(ctx, viewKey{}, f.view)
}

// Foreign returns the file of an upstream with a path. It is found only on a page of that upstream which the repository
// shows, so that the index relays nothing else. Errors are those of View.
func (x *Reader) Foreign(ctx context.Context, who access.Caller, repo, name, path string,
	ask Ask,
) (ForeignFile, error) {
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return ForeignFile{}, err
	}
	if !slices.ContainsFunc(o.chain, func(s catalog.Source) bool { return s.Upstream == name }) {
		return ForeignFile{}, noFile
	}
	filename := path[strings.LastIndexByte(path, '/')+1:]
	projects := page.Projects(filename)
	ask.gone = goneFrom(name)
	var gone error
	for _, how := range []pages.Freshness{ask.Freshness, pages.NoCache} { // a newer page may list it
		ask.Freshness = how
		for _, project := range projects {
			f, err := x.onPage(ctx, who, o, project, name, path, ask)
			switch refused, held := errors.AsType[Refused](err); {
			case held && refused.Decision.Rule == policy.RuleRemoved && how != pages.NoCache:
				gone = err
			case err == nil || !catalog.IsMissing(err):
				return f, err
			}
		}
	}
	return ForeignFile{}, cmp.Or(gone, error(noFile))
}

// onPage finds a file on the page of a project, which must come from that upstream.
func (x *Reader) onPage(ctx context.Context, who access.Caller, o opened, project packaging.ProjectName,
	name, path string, ask Ask,
) (ForeignFile, error) {
	v, err := x.viewIn(ctx, who, o, project, ask)
	if err != nil {
		return ForeignFile{}, err
	}
	if v.denied {
		return ForeignFile{}, x.deniedByName(v)
	}
	if v.Upstream.Name != name {
		return ForeignFile{}, noFile
	}
	p, err := v.held.Page()
	if err != nil {
		return ForeignFile{}, err
	}
	f, ok := p.Find(path, v.Upstream.ArtifactBase)
	if !ok {
		f, ok = p.FindGone(path, v.Upstream.ArtifactBase)
	}
	if !ok || v.ownVersion(ctx, x, who, f.Version) {
		return ForeignFile{}, noFile
	}
	if f, err = x.admit(v, p, f, path); err != nil {
		return ForeignFile{}, err
	}
	return ForeignFile{
		Upstream: v.Upstream, Project: project, Path: path, File: f, MayFetch: mayFetch(who, o.Repository), view: v,
	}, nil
}

// deniedByName returns the error for what is asked of a name that must not be read from its upstream.
func (x *Reader) deniedByName(v *View) error {
	rules := policy.Rules{NameDenied: true}
	return x.refused(v, "", x.count(rules.Decide(&policy.File{}, x.o.Now())))
}

// admit returns a file of a page with its digest, or a Refused if it is held or denied.
func (x *Reader) admit(v *View, p page.Page, f page.File, path string) (page.File, error) {
	d := x.count(v.decideOne(p, f, path, x.o.Now()))
	if d.Verdict != policy.Serve {
		return f, x.refused(v, f.Version, d)
	}
	x.observe(v, f.Filename, d)
	f.SHA256 = cmp.Or(v.pins[path], f.SHA256)
	return f, nil
}

// ownVersion reports whether a version of the view is this index's own, which hides that of the upstream.
func (v *View) ownVersion(ctx context.Context, x *Reader, who access.Caller, version string) bool {
	if v.Project.ID == "" {
		return false
	}
	c, err := x.index.Contents(ctx, who, v.Project.Repository.Name, v.Name)
	if err != nil {
		return true
	}
	parsed, err := packaging.ParseVersion(version)
	return err != nil || slices.ContainsFunc(c.Releases, func(r catalog.Release) bool { return r.Key == parsed.Key() })
}

// Stat describes the content of a file of an upstream without asking it.
func (x *Reader) Stat(ctx context.Context, f ForeignFile) (files.Info, error) {
	return x.o.Files.Stat(f.within(ctx), f.Upstream, f.File)
}

// Fetches reports whether Open asks the upstream for content that is not stored.
func (x *Reader) Fetches(f ForeignFile) bool { return f.MayFetch && !x.o.Offline }

// Open returns the content of a file of an upstream: what is stored, or a download. It returns a Refused if nothing may
// be fetched for the caller, and otherwise the fault of Explained.
func (x *Reader) Open(ctx context.Context, f ForeignFile) (files.Opened, error) {
	ctx = f.within(ctx)
	if !x.Fetches(f) {
		o, err := x.o.Files.OpenHeld(ctx, f.Upstream, f.File)
		if errors.Is(err, files.ErrNotHeld) {
			err = x.notHeld()
		}
		return o, err
	}
	o, err := x.o.Files.Open(ctx, f.Upstream, f.File)
	return o, Explained(err)
}

// Metadata returns the core metadata of a file of an upstream, and its SHA-256 in hex. It returns fault.NotFound if
// there is none.
func (x *Reader) Metadata(ctx context.Context, f ForeignFile) ([]byte, string, error) {
	b, sum, err := x.o.Files.Metadata(f.within(ctx), f.Upstream, f.File, x.Fetches(f))
	if errors.Is(err, files.ErrNotHeld) {
		err = x.notHeld()
	}
	return b, sum, Explained(err)
}

// Provenance returns the upstream's statement about a file of an upstream (PEP 740), as the upstream states it. It
// returns fault.NotFound if there is none, also for files of this index.
func (x *Reader) Provenance(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version, filename string, ask Ask,
) ([]byte, error) {
	v, err := x.View(ctx, who, repo, name, ask)
	if err != nil {
		return nil, err
	}
	if v.denied {
		return nil, x.deniedByName(v)
	}
	if v.Upstream.Name == "" {
		return nil, noProvenance
	}
	p, err := v.held.Page()
	if err != nil {
		return nil, err
	}
	named := func(f page.File) bool { return f.Filename == filename && catalog.SameVersion(f.Version, version) }
	all := p.Files
	if !slices.ContainsFunc(all, named) {
		all = p.Gone
	}
	i := slices.IndexFunc(all, named)
	if i < 0 || v.ownVersion(ctx, x, who, all[i].Version) {
		return nil, noProvenance
	}
	f, err := x.admit(v, p, all[i], all[i].Path(v.Upstream.ArtifactBase))
	if err != nil {
		return nil, err
	}
	if f.Provenance == "" || f.SHA256 == "" && v.Repository.RequireHashes {
		return nil, noProvenance
	}
	document, err := x.o.Files.Provenance(ctx, v.Upstream, f, v.fetch && !x.o.Offline)
	if errors.Is(err, files.ErrNotHeld) {
		err = x.notHeld()
	}
	return document, Explained(err)
}

var noProvenance = catalog.Missing("provenance of that file")

// notHeld returns the error for a page or content that is not stored and may not be fetched.
func (x *Reader) notHeld() error {
	if x.o.Offline {
		rules := policy.Rules{Ways: []policy.Settings{{}}, Offline: true}
		return Refused{Decision: x.count(rules.Decide(&policy.File{NotHeld: true}, x.o.Now()))}
	}
	return errFetchAnonymously
}
