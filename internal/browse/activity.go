package browse

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// ActivityView selects the entries of Activity.
type ActivityView string

// The views.
const (
	OwnActivity     ActivityView = "mine"     // the caller's own acts and refusals
	RefusedTokens   ActivityView = "tokens"   // refusals of the caller's API tokens
	ProjectActivity ActivityView = "projects" // acts of others in the caller's projects
)

// maxActivityProjects limits the projects of ProjectActivity. The most recently changed ones are read.
const maxActivityProjects = 200

// Activity returns a page of the audit log for one person: their own entries, or those of others in the projects where
// they have the role maintainer or owner now, through a grant of their own or of a group. Entries of others have no
// client address, and those from before a project was created are left out, as are exchanges of identity tokens, which
// the history of each project has. The filter's fields Actor, Address, Repository, Project and Version are ignored,
// except Actor in ProjectActivity. It returns fault.Denied unless the caller is a signed-in person.
func (x *Browser) Activity(ctx context.Context, who access.Caller, view ActivityView, f HistoryFilter,
) (History, error) {
	if who.Kind() != access.KindUser || who.SessionID() == "" || !who.Manages() {
		return History{}, fault.New(fault.Denied, "only a person who is signed in has an activity page")
	}
	q := f.query()
	q.Address, q.Discreet = "", !who.Admin()
	switch view {
	case ProjectActivity:
		q.NotActorID, q.Without = who.ID(), exchanges
		return x.projectActivity(ctx, who, q)
	case OwnActivity:
	case RefusedTokens:
		q.Outcome = audit.Refused
		q.WithToken = true
	default:
		return History{}, fault.New(fault.Invalid, "unknown view %.40q: choose mine, tokens or projects", view)
	}
	q.Actor, q.ActorID = who.Name(), who.ID() // the index is by name
	h, err := x.entries(ctx, q)
	if err != nil {
		return h, err
	}
	return h, withoutClaims(ctx, nil, who, "", h.Entries)
}

// projectActivity reads each of the caller's projects by its index, and merges the results.
func (x *Browser) projectActivity(ctx context.Context, who access.Caller, q audit.Filter) (h History, err error) {
	limit := q.Limit
	if limit < 1 || limit > audit.MaxEntries {
		return History{}, fault.New(fault.Invalid, "the limit must be from 1 to %d entries, not %d", audit.MaxEntries, limit)
	}
	q.Limit++
	err = x.store.View(ctx, func(tx Tx) error {
		h = History{Repositories: map[string]string{}}
		projects, err := x.maintained(ctx, tx, who, h.Repositories)
		if err != nil {
			return err
		}
		for _, p := range projects {
			some, err := x.othersIn(ctx, tx, who, p, q)
			if err != nil {
				return err
			}
			h.Entries = append(h.Entries, some...)
			slices.SortFunc(h.Entries, newestFirst)
			h.Entries = h.Entries[:min(len(h.Entries), q.Limit)]
		}
		return nil
	})
	if len(h.Entries) > limit {
		h.Entries = h.Entries[:limit]
		h.Next = h.Entries[limit-1].Place()
	}
	return h, err
}

func newestFirst(a, b audit.Entry) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) }

// maintained returns the projects in which a grant makes the caller a maintainer or owner, the most recently changed
// first. An administrator without a grant does not maintain all projects.
func (x *Browser) maintained(ctx context.Context, tx Tx, who access.Caller, names map[string]string,
) (out []catalog.Project, err error) {
	grants, err := tx.GrantsOf(ctx, who.ID())
	if err != nil {
		return nil, err
	}
	whole, single := map[string]bool{}, map[string][]string{}
	for _, g := range grants {
		switch {
		case g.Role < access.Maintainer:
		case g.ProjectID == "":
			whole[g.RepositoryID] = true
		default:
			single[g.RepositoryID] = append(single[g.RepositoryID], g.ProjectID)
		}
	}
	repositories, err := tx.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range repositories {
		names[r.ID] = r.Name
		var some []catalog.Project
		switch {
		case whole[r.ID]:
			some, err = tx.Projects(ctx, r.ID)
		case len(single[r.ID]) > 0:
			some, err = tx.ProjectsByID(ctx, r.ID, single[r.ID])
		}
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	now := who.Renewed(grants)
	out = slices.DeleteFunc(out, func(p catalog.Project) bool { return !now.May(access.Maintainer, p.Object()) })
	slices.SortFunc(out, func(a, b catalog.Project) int {
		return cmp.Or(cmp.Compare(b.Serial, a.Serial), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(len(out), maxActivityProjects)], nil
}

// othersIn returns the newest entries of others in a project, with what the caller may read of them.
func (x *Browser) othersIn(ctx context.Context, tx Tx, who access.Caller, p catalog.Project, q audit.Filter,
) ([]audit.Entry, error) {
	q.RepositoryID, q.Project = p.Repository.ID, p.Name.String()
	q.Since = latest(q.Since, p.CreatedAt)
	entries, err := tx.Entries(ctx, q)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	if !who.Admin() {
		if err := x.redact(ctx, tx, who, p.ID, entries); err != nil {
			return nil, err
		}
	}
	for i := range entries {
		discreet(who, &entries[i].Actor)
		if !who.Admin() {
			withoutReason(&entries[i])
		}
	}
	return entries, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// WalkActivity calls each with every page of Activity, f.Limit entries at a time, as WalkRecord does.
func (x *Browser) WalkActivity(ctx context.Context, who access.Caller, view ActivityView, f HistoryFilter,
	each func(History) error,
) error {
	for {
		h, err := x.Activity(ctx, who, view, f)
		if err != nil {
			return err
		}
		if err := each(h); err != nil || h.Next.IsZero() {
			return err
		}
		f.After = h.Next
	}
}
