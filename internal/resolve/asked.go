package resolve

import (
	"slices"
	"strconv"
	"sync/atomic"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

// asked are the upstreams of a repository that may be asked for a name, as long as nothing changes.
type asked struct {
	private, public []*upstream.Upstream // in the order of the chain
	listed          *upstream.Upstream   // the public one whose configuration lists the name, or nil
	id              string               // of the views
	ruled           atomic.Pointer[ruled]
	last            atomic.Pointer[variant]
}

// askedKey is a cache key; id is that of the repository.
type askedKey struct {
	id   string
	name packaging.ProjectName
}

const memoAsked = 50_000

// ask returns which of all upstreams may be asked for a name through a repository.
func (x *Reader) ask(o opened, all []upstream.Upstream, name packaging.ProjectName) *asked {
	k := askedKey{o.Repository.ID, name}
	if a, ok := x.asked.Get(o.At, k); ok {
		return a
	}
	a := mayAsk(o.chain, all, name)
	a.id = k.id + "/" + name.String()
	x.asked.Put(o.At, k, a)
	return a
}

// mayAsk returns the upstreams of a chain that may be asked for a name.
func mayAsk(chain []catalog.Source, all []upstream.Upstream, name packaging.ProjectName) *asked {
	a := &asked{}
	for _, s := range chain {
		u := upstream.Find(all, s.Upstream)
		if u == nil || !u.MayAsk(name) {
			continue
		}
		switch {
		case u.Kind == upstream.Private:
			a.private = append(a.private, u)
		case !u.Lists(name):
			a.public = append(a.public, u)
		case a.listed == nil:
			a.listed = u
		}
	}
	return a
}

// candidates returns the upstreams to ask for a name of that ownership, in order: private ones, of which the one that
// is remembered is the first, and then the public one that is listed as its owner, the one that is remembered, or else
// all others. The caller must not change the result.
func (a *asked) candidates(o catalog.Ownership) []*upstream.Upstream {
	remembered := func(u *upstream.Upstream) bool { return u.Name == o.Upstream }
	private, public := a.private, a.public
	if i := slices.IndexFunc(private, remembered); i > 0 { // no other may claim the name
		private = slices.Insert(slices.Delete(slices.Clone(private), i, i+1), 0, a.private[i])
	}
	switch {
	case o.Private:
		public = nil
	case a.listed != nil:
		public = []*upstream.Upstream{a.listed}
	default:
		if i := slices.IndexFunc(public, remembered); i >= 0 {
			public = public[i : i+1]
		}
	}
	if len(private) == 0 {
		return public
	}
	return slices.Concat(private, public)
}

// variant is the Variant of a view, and what it depends on beside the stamp.
type variant struct {
	ruled                                *ruled
	revision, pinned, examined, versions string
	period                               *period
	text                                 string
}

// vary sets the ID and the Variant of a view that has its upstream's page. pinned is the text of its pins, and examined
// that of its start-up files.
func (x *Reader) vary(v *View, pinned, examined string) {
	a, now := v.asked, x.o.Now()
	v.id = a.id
	if last := a.last.Load(); last != nil && last.ruled == v.ruled && last.revision == v.held.Revision &&
		last.pinned == pinned && last.examined == examined && last.versions == v.Ownership.Versions &&
		!last.period.over(now) {
		v.period, v.variant = last.period, last.text
		return
	}
	next := &variant{
		ruled: v.ruled, revision: v.held.Revision, pinned: pinned, examined: examined, versions: v.Ownership.Versions,
	}
	text := v.Upstream.Name + " " + strconv.FormatInt(v.Upstream.Revision, 10) + " " + v.held.Revision +
		" " + pinned + " " + examined + " " + v.Upstream.ArtifactBase + v.Ownership.Versions + " " + v.ruled.text
	if v.Repository.RequireHashes {
		text += " hashes"
	}
	next.period = x.periods.of(a.id, text, now)
	next.text = text + " " + strconv.FormatUint(next.period.number, 10)
	a.last.Store(next)
	v.period, v.variant = next.period, next.text
}
