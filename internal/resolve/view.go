package resolve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/pages"
)

// View is a project as one caller may read it through a repository. It has what is needed to find a cached rendering;
// Contents has the rest.
type View struct {
	opened
	Name      packaging.ProjectName
	Project   catalog.Project // the own project, or the zero Project
	Ownership catalog.Ownership

	Upstream upstream.Upstream // that the name, or a part of its files, comes from; its Name is "" if none
	asked    *asked
	held     pages.Held
	fetch    bool                     // whether the caller may cause a request to it
	pins     map[string]string        // SHA-256 by path of files whose digest is not the first one of the upstream
	startup  map[string]files.Startup // by path of wheels in which some were found
	ruled    *ruled
	period   *period
	denied   bool // an upstream that may have the name must not be asked for it, and nothing else has it
	variant  string
	id       string // of a view of an upstream
}

// Own reports whether the project has files of this index only.
func (v *View) Own() bool { return v.Upstream.Name == "" && v.Project.ID != "" }

// Reserved reports whether the name belongs to this index and has no project yet.
func (v *View) Reserved() bool { return v.Upstream.Name == "" && v.Project.ID == "" && !v.denied }

// ID identifies the view among those of all repositories, and Variant its content beside the stamp. The rendering of
// two views is the same if both are.
func (v *View) ID() string {
	switch {
	case v.id != "":
		return v.id
	case v.Own() && v.Project.Repository.ID == v.Repository.ID:
		return v.Project.ID
	}
	return v.Repository.ID + "/" + v.Name.String()
}

// Variant distinguishes contents that have the same ID and Stamp.
func (v *View) Variant() string { return v.variant }

// Stamp returns the stamp under which a rendering of the view may be cached. That of a name from an upstream is always
// zero: its Variant tells versions apart.
func (v *View) Stamp() memo.Stamp {
	if v.Project.ID != "" {
		return v.Project.Stamp()
	}
	return memo.Stamp{}
}

// Until returns the moment at which a decision about a file of the view may change by time alone, as far as is known:
// it is known once Contents was called for the ID and Variant. It is the zero time if there is none.
func (v *View) Until() time.Time {
	if v.period == nil {
		return time.Time{}
	}
	ends := v.period.ends.Load()
	if ends == 0 {
		return time.Time{}
	}
	return time.Unix(0, ends)
}

// Age returns how long ago the upstream's page was current, and for how long it has been staler than it should be. Both
// are zero for own projects.
func (v *View) Age() (age, stale time.Duration) { return v.held.Age, v.held.Stale }

// View returns a project that the caller may read through a repository. It returns fault.NotFound if there is none or
// it is hidden, fault.Unauthenticated if the caller is anonymous and would have to be known, fault.Denied if the index
// is offline and does not hold it, and an *upstream.Failure if an upstream that may have it does not answer.
func (x *Reader) View(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	ask Ask,
) (*View, error) {
	v := new(View)
	if err := x.ViewInto(ctx, who, repo, name, ask, v); err != nil {
		return nil, err
	}
	return v, nil
}

// ViewInto is View with room for the result, which does not allocate if nothing has changed. After an error, v is not
// a view.
func (x *Reader) ViewInto(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName, ask Ask,
	v *View,
) error {
	*v = View{}
	v.Name = name
	if err := x.openInto(ctx, who, repo, &v.opened); err != nil {
		return err
	}
	return x.fill(ctx, who, v, ask)
}

// viewIn is View in an open repository.
func (x *Reader) viewIn(ctx context.Context, who access.Caller, o opened, name packaging.ProjectName,
	ask Ask,
) (*View, error) {
	v := &View{opened: o, Name: name}
	if err := x.fill(ctx, who, v, ask); err != nil {
		return nil, err
	}
	return v, nil
}

// fill completes a view in place. Views are large, and copies would make the stack of each request grow.
func (x *Reader) fill(ctx context.Context, who access.Caller, v *View, ask Ask) error {
	if len(v.chain) == 1 {
		return x.alone(ctx, who, v)
	}
	return x.drawn(ctx, who, v, ask)
}

// drawn is fill for a repository that draws on others.
func (x *Reader) drawn(ctx context.Context, who access.Caller, v *View, ask Ask) (err error) {
	readable := true
	if v.Project, readable, err = x.firstOwn(ctx, who, v.opened, v.Name); err != nil {
		return err
	}
	if v.Ownership, err = x.originOf(ctx, v.opened, v.Name); err != nil {
		return err
	}
	switch v.Ownership.Origin {
	case catalog.Own:
		return x.ownOf(ctx, who, v, readable)
	case catalog.Foreign:
		v.Project = catalog.Project{} // an administrator gave the name to the upstream
	}
	if v.Project.ID != "" && v.Ownership.Origin != catalog.Both {
		return x.ownOf(ctx, who, v, readable)
	}
	if !readable {
		return x.unknown(ctx, who, v)
	}
	return x.withUpstream(ctx, who, v, ask)
}

var missing = catalog.Missing("project of that name")

// alone is fill for a repository without bases.
func (x *Reader) alone(ctx context.Context, who access.Caller, v *View) (err error) {
	readable := false
	v.Project, readable, err = x.index.ProjectAt(ctx, who, v.At, v.Repository, v.Name)
	if catalog.IsMissing(err) {
		v.Project, readable = catalog.Project{}, false
		v.Ownership, err = x.originOf(ctx, v.opened, v.Name)
	}
	if err != nil {
		return err
	}
	return x.ownOnly(ctx, who, v, readable)
}

// ownOnly completes the view of a name that no upstream may be asked for.
func (x *Reader) ownOnly(ctx context.Context, who access.Caller, v *View, readable bool) error {
	if v.Project.ID != "" {
		if !readable {
			return missing
		}
		if v.Project.Repository.ID != v.Repository.ID {
			v.variant = "base"
		}
		s, err := x.standing(ctx, v.At, v.Name)
		if err != nil {
			return err
		}
		if s.Revision != "" {
			v.variant += " " + s.Revision
		}
		return nil
	}
	if v.Ownership.Reserved && who.May(access.Reader, v.Repository.Object()) {
		v.variant = "reserved"
		return nil
	}
	return missing
}

// ownOf is ownOnly for a repository that draws on others. A caller who may not see the project gets the answer for a
// name that nobody has.
func (x *Reader) ownOf(ctx context.Context, who access.Caller, v *View, readable bool) error {
	err := x.ownOnly(ctx, who, v, readable)
	if catalog.IsMissing(err) {
		err = x.unknown(ctx, who, v)
	}
	return err
}

// unknown returns the error that a caller gets for a name that nobody has and no upstream was asked about. It asks no
// upstream.
func (x *Reader) unknown(ctx context.Context, who access.Caller, v *View) error {
	if x.o.Upstreams == nil || !mayReadUpstream(who, v.Repository) || mayFetch(who, v.Repository) && !x.o.Offline {
		return missing
	}
	_, able, err := x.able(ctx, &View{opened: v.opened, Name: v.Name})
	switch {
	case err != nil:
		return err
	case len(able) == 0:
		return missing
	case x.o.Offline:
		return x.notHeld()
	}
	return pages.ErrNotHeld
}

// withUpstream completes the view of a name that is not, or not only, this index's own.
func (x *Reader) withUpstream(ctx context.Context, who access.Caller, v *View, ask Ask) (err error) {
	if err := x.findUpstream(ctx, who, v, ask); err != nil {
		return err
	}
	if v.Upstream.Name == "" && v.Project.ID == "" {
		if v.denied {
			v.variant = "denied"
			return nil
		}
		return missing
	}
	if v.Upstream.Name == "" {
		return x.ownOnly(ctx, who, v, true)
	}
	var pinned, examined string
	if x.o.Files != nil {
		if v.pins, pinned, err = x.o.Files.Pins(ctx, v.Upstream, v.Name); err != nil {
			return err
		}
		if v.startup, examined, err = x.o.Files.Examined(ctx, v.Upstream, v.Name); err != nil {
			return err
		}
	}
	if v.ruled, err = x.rule(ctx, v); err != nil {
		return err
	}
	x.vary(v, pinned, examined)
	return nil
}

// findUpstream sets the upstream that owns the name, and its page. A failure of an upstream that may have the name is a
// failure of the request.
func (x *Reader) findUpstream(ctx context.Context, who access.Caller, v *View, ask Ask) error {
	if x.o.Upstreams == nil || !mayReadUpstream(who, v.Repository) {
		return nil
	}
	asked, able, err := x.able(ctx, v)
	if err != nil {
		return err
	}
	if ask.OwnOnly {
		if len(able) > 0 && ask.Limited != nil {
			ask.Limited(nil)
		}
		return nil
	}
	if len(ask.Visited) > 0 {
		ctx = upstream.WithVisited(ctx, ask.Visited)
	}
	fetch := mayFetch(who, v.Repository)
	for _, u := range able {
		held, err := x.o.Pages.Get(ctx, *u, v.Name, ask.Freshness, fetch)
		if ask.leftTo(err) {
			if u.Kind == upstream.Private {
				return missing // the asking index may have the name from a private upstream of its own
			}
			continue
		}
		if errors.Is(err, pages.ErrOffline) {
			err = x.notHeld()
		}
		if err != nil {
			return Explained(err)
		}
		if held.Absent {
			if !ask.gone.is(v, u, held) {
				continue
			}
		}
		if may, err := x.mayReadFrom(ctx, who, v.opened, u.Name); err != nil || !may {
			return cmp.Or(err, missing)
		}
		if v.Ownership.Upstream != u.Name || u.Kind == upstream.Private && !v.Ownership.Private {
			stands, err := x.index.ClaimUpstream(ctx, v.Repository.ID, v.Name, *u)
			if err != nil {
				return err
			}
			if v.Ownership = stands; stands.Upstream != u.Name {
				return missing
			}
		}
		v.Upstream, v.asked, v.held, v.fetch = *u, asked, held, fetch
		return nil
	}
	v.denied, err = x.deniedName(ctx, v)
	return err
}

// deniedName reports whether an upstream of the repository must not be asked for the name.
func (x *Reader) deniedName(ctx context.Context, v *View) (bool, error) {
	all, err := x.o.Upstreams.All(ctx, v.At)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(v.chain, func(s catalog.Source) bool {
		u := upstream.Find(all, s.Upstream)
		return u != nil && u.Denies(v.Name)
	}), nil
}

// goneFrom is the name of an upstream whose files are wanted even though it no longer has the project, or "".
type goneFrom string

// is reports whether that is the upstream, and it had files that this index read.
func (g goneFrom) is(v *View, u *upstream.Upstream, held pages.Held) bool {
	if string(g) != u.Name || v.Ownership.Upstream != u.Name {
		return false
	}
	p, err := held.Page()
	return err == nil && len(p.Gone) > 0
}

// leftTo reports whether an upstream gave no complete answer because the request came through an index that reads it as
// well. That index takes its own upstreams into account, so the answer here does without them, and says so.
func (a Ask) leftTo(err error) bool {
	f, ok := errors.AsType[*upstream.Failure](err)
	if !ok || f.Kind != upstream.Loop || len(f.Limited) == 0 || !f.Limited.Within(a.Visited) {
		return false
	}
	if a.Limited != nil {
		a.Limited(f.Limited)
	}
	return true
}

// able returns the upstreams that may be asked for the name of a view, and those of them to ask, in order. It notes in
// the view's ownership that the name is a private upstream's.
func (x *Reader) able(ctx context.Context, v *View) (*asked, []*upstream.Upstream, error) {
	all, err := x.o.Upstreams.All(ctx, v.At)
	if err != nil {
		return nil, nil, err
	}
	if err := x.private(ctx, all, v); err != nil {
		return nil, nil, err
	}
	a := x.ask(v.opened, all, v.Name)
	return a, a.candidates(v.Ownership), nil
}

// private notes in the ownership that the name is on the list of a private upstream. It is that upstream's, also before
// it was read there and for repositories that do not draw on it, so no public upstream is a candidate.
func (x *Reader) private(ctx context.Context, all []upstream.Upstream, v *View) error {
	for i := range all {
		u := &all[i]
		decided := v.Ownership.Private || v.Ownership.Ruling.Origin != ""
		if decided || u.Kind != upstream.Private || !u.MayAsk(v.Name) {
			continue
		}
		names, _, err := x.o.Pages.Names(ctx, *u)
		if err != nil {
			return err
		}
		v.Ownership.Private = names.Contains(v.Name)
	}
	return nil
}

// mayFetch reports whether the caller may cause a request to an upstream.
func mayFetch(who access.Caller, r catalog.Repository) bool { return who.Known() || r.AnonymousFetch }

// errFetchAnonymously refuses an anonymous caller a name that would have to be fetched.
var errFetchAnonymously = fault.New(fault.Unauthenticated,
	"this is not stored here yet, and only callers with a token make this index fetch it: send an API token as the password, with __token__ as the user name")

// mayReadFrom reports whether the caller may read names of an upstream through one of the repositories that have it as
// their base. Otherwise the upstream still hides what comes after it.
func (x *Reader) mayReadFrom(ctx context.Context, who access.Caller, o opened, name string) (bool, error) {
	i := slices.IndexFunc(o.chain, func(s catalog.Source) bool { return s.Upstream == name })
	if i < 0 {
		return false, nil
	}
	for _, r := range o.chain[i].Through {
		if r.ID == o.Repository.ID {
			return true, nil
		}
		_, err := x.index.RepositoryAt(ctx, who, o.At, r.Name)
		if err == nil && mayReadUpstream(who, r) {
			return true, nil
		}
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Unauthenticated) {
			return false, err
		}
	}
	return false, nil
}

// mayReadUpstream reports whether the caller may read names of upstreams through a repository that it may open.
func mayReadUpstream(who access.Caller, r catalog.Repository) bool {
	return r.UpstreamReaders != catalog.RepositoryReader || who.May(access.Reader, r.Object())
}
