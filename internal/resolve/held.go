package resolve

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream/page"
)

// Held is what policy decides about the files of a project.
type Held struct {
	// Contents has all files, also those that pages leave out, and those that their upstream removed and that are held.
	catalog.Contents
	Whole *policy.Decision // denies the project as a whole, nil if nothing does

	Reserved bool // the name belongs to this index and has no project yet

	view *View
}

// Advised is View.Advised for the view that the decisions are from.
func (h *Held) Advised(version string, files []catalog.File) []advisory.Advisory {
	if h.view == nil {
		return nil
	}
	return h.view.Advised(version, files)
}

// Held returns all files of a project as a repository reads it, with the decisions about them. It also finds a project
// that its upstream no longer has. Errors are those of View.
func (x *Reader) Held(ctx context.Context, who access.Caller, repository string, name packaging.ProjectName,
	ask Ask,
) (h Held, err error) {
	v, err := x.viewHeld(ctx, who, repository, name, ask)
	if err != nil {
		return h, err
	}
	h.Reserved, h.view = v.Reserved(), v
	if h.Contents, err = x.All(ctx, who, v); err != nil {
		return h, err
	}
	rules, err := x.heldRules(ctx, v, &h)
	if err != nil {
		return h, err
	}
	if d, denied := whole(&rules, v.Project.ID != "", x.o.Now()); denied &&
		!slices.ContainsFunc(h.Files, func(f catalog.File) bool { return !f.Held() }) {
		h.Whole = &d
	}
	return h, nil
}

// viewHeld is View that also finds a project which its upstream no longer has.
func (x *Reader) viewHeld(ctx context.Context, who access.Caller, repository string, name packaging.ProjectName,
	ask Ask,
) (*View, error) {
	o, err := x.open(ctx, who, repository)
	if err != nil {
		return nil, err
	}
	v, err := x.viewIn(ctx, who, o, name, ask)
	if catalog.IsMissing(err) {
		return x.viewGone(ctx, who, o, name, ask, err)
	}
	return v, err
}

// viewGone returns the view of a name whose upstream no longer has it, or the error for a missing one.
func (x *Reader) viewGone(ctx context.Context, who access.Caller, o opened, name packaging.ProjectName, ask Ask,
	missing error,
) (*View, error) {
	owner, err := x.originOf(ctx, o, name)
	if err != nil {
		return nil, err
	}
	if owner.Origin != catalog.Foreign || owner.Upstream == "" {
		return nil, missing
	}
	ask.gone = goneFrom(owner.Upstream)
	return x.viewIn(ctx, who, o, name, ask)
}

// heldRules returns the rules for the files of a view. It adds to h the files that left the page of its upstream and
// are not served.
func (x *Reader) heldRules(ctx context.Context, v *View, h *Held) (policy.Rules, error) {
	if v.Upstream.Name == "" {
		standing, err := x.standing(ctx, v.At, v.Name)
		if err != nil {
			return policy.Rules{}, err
		}
		rules := ownRules(standing)
		rules.NameDenied = v.denied
		if v.Project.Status == catalog.Quarantined {
			rules.StatusDenied, rules.StatusHere, rules.StatusReason = true, true, v.Project.StatusReason
		}
		return rules, nil
	}
	p, err := v.held.Page()
	if err != nil {
		return policy.Rules{}, err
	}
	x.addGone(v, p, h)
	return v.rulesOf(p), nil
}

// addGone adds the files that left a page and are not served.
func (x *Reader) addGone(v *View, p page.Page, h *Held) {
	m, rules, judged, now := x.marking(v), v.rulesOf(p), v.judgeGone(&p), x.o.Now()
	for i := range p.Gone {
		f := &p.Gone[i]
		if slices.ContainsFunc(h.Files, func(o catalog.File) bool {
			return o.Filename == f.Filename || o.Upstream == nil && catalog.SameVersion(o.Version, f.Version)
		}) {
			continue
		}
		gone := v.listed(f, new(catalog.UpstreamFile))
		m.mark(&gone, rules.Decide(&judged[i], now))
		if gone.Held() {
			h.Files = append(h.Files, gone)
		}
	}
}
