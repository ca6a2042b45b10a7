package resolve

import (
	"context"
	"fmt"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream/page"
)

// ruled is what decides about the files of a name in a repository beside the page of its upstream, as long as nothing
// changes.
type ruled struct {
	upstream string            // that the files come from, or ""
	ways     []policy.Settings // of all repositories on the way to it
	standing *holds.Standing
	about    Affecting // nil if no advisory is about the name
	feeds    policy.Feeds
	steady   string // differs whenever something but feeds does
	text     string // differs whenever something else does
}

// nothing is what was decided about most names.
var nothing = &holds.Standing{}

// standing returns what people decided about the files of a name.
func (x *Reader) standing(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (*holds.Standing, error) {
	if x.o.Rulings == nil {
		return nothing, nil
	}
	return x.o.Rulings.Standing(ctx, at, name)
}

// rule returns what decides about the files of a view that has its upstream.
func (x *Reader) rule(ctx context.Context, v *View) (*ruled, error) {
	if v.asked != nil {
		last := v.asked.last.Load()
		over := last != nil && last.period.over(x.o.Now()) // what people decided may have ended as well
		if r := v.asked.ruled.Load(); r != nil && r.upstream == v.Upstream.Name && !over {
			return r, nil
		}
	}
	r, err := x.compile(ctx, v)
	if err == nil && v.asked != nil {
		v.asked.ruled.Store(r)
	}
	return r, err
}

func (x *Reader) compile(ctx context.Context, v *View) (r *ruled, err error) {
	r = &ruled{upstream: v.Upstream.Name}
	if r.standing, err = x.standing(ctx, v.At, v.Name); err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, s := range v.chain {
		if s.Upstream != v.Upstream.Name {
			continue
		}
		for _, repo := range s.Ways {
			w := repo.Policy(draws(s, repo))
			if len(r.standing.Exempt) > 0 {
				w.Exempt = r.standing.Exempt[repo.ID]
			}
			r.ways = append(r.ways, w)
			fmt.Fprintf(&text, "%s %d %d %q %q %t %t ", w.Repository, w.Cooldown, w.Since.UnixMicro(), w.Startup,
				w.KeepRemoved, w.Observe, w.Direct)
		}
	}
	var advisories string
	if x.o.Advisories != nil {
		if r.about, advisories, err = x.o.Advisories.About(ctx, v.At, v.Name); err != nil {
			return nil, err
		}
		if r.feeds, err = x.o.Advisories.Feeds(ctx, v.At); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(&text, "%t %t %q %q ", v.Repository.HidesHeld(), v.Upstream.TrustTimes, r.standing.Revision, advisories)
	r.steady = text.String()
	fmt.Fprintf(&text, "%q %d", r.feeds.Name, r.feeds.OldAt.UnixMicro())
	r.text = text.String()
	return r, nil
}

// draws reports whether a repository has the upstream of a source as its base.
func draws(s catalog.Source, r catalog.Repository) bool {
	for _, through := range s.Through {
		if through.ID == r.ID {
			return true
		}
	}
	return false
}

// rulesOf returns the rules for the files of a page of the view's upstream.
func (v *View) rulesOf(p page.Page) policy.Rules {
	r := v.ruled
	here := v.Project.Status == catalog.Quarantined
	reason := p.StatusReason
	if here {
		reason = v.Project.StatusReason
	}
	return policy.Rules{
		Ways:         r.ways,
		StatusDenied: here || p.Status == string(catalog.Quarantined),
		StatusHere:   here,
		StatusReason: reason,
		Denials:      r.standing.Denials,
		Contents:     r.standing.Contents,
		Pins:         r.standing.Pins,
		Lifts:        r.standing.Lifts,
		Feeds:        r.feeds,
		Returned:     p.Returned.After(r.standing.Accepted[v.Upstream.Name]),
	}
}

// ownRules returns the rules for files of this index.
func ownRules(s *holds.Standing) policy.Rules {
	return policy.Rules{Denials: s.Denials, Contents: s.Contents, Pins: s.Pins, Lifts: s.Lifts}
}
