package exchange

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// matchPending returns the matching pending publishers, oldest first, and those among them that are passed over.
func (m *Minter) matchPending(ctx context.Context, tx publishers.Tx, a attempt,
	n *nearest,
) (out []publishers.Pending, passed []passedOver, err error) {
	all, err := tx.PendingFor(ctx, a.issuer, a.keys()...)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		why, detail, err := m.expiredReason(ctx, tx, a, p, true)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			n.why = why
			if m.admits(a, p.Publisher) == nil {
				passed = append(passed, passedOver{p, cmp.Or(detail, why)})
			}
			continue
		}
		if m.ask(a, n, pendingRule(p)) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b publishers.Pending) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return out, passed, nil
}

// comparePending compares the names of the pending publishers that may match with those of upstreams. It runs before
// the transaction that creates their projects.
func (m *Minter) comparePending(ctx context.Context, a attempt) (map[packaging.ProjectName]catalog.Comparison, error) {
	if m.rules.Policy.Public == nil || a.want.Scope != access.ScopeUpload {
		return nil, nil
	}
	var all []publishers.Pending
	err := m.store.View(ctx, func(tx publishers.Tx) (err error) {
		all, err = tx.PendingFor(ctx, a.issuer, a.keys()...)
		return err
	})
	out := map[packaging.ProjectName]catalog.Comparison{}
	for _, p := range all {
		if name, err := packaging.ParseProjectName(p.Project); err == nil {
			out[name] = m.rules.Policy.Compare(ctx, name)
		}
	}
	return out, err
}

// expiredReason explains why a pending publisher can no longer create its project. It returns "" if it still can. why
// may be shown to anyone, and detail only to the registrant. The registrant must have the right to create the project
// now. Unless compare is set, it does not matter whether an upstream has the name.
func (m *Minter) expiredReason(ctx context.Context, tx publishers.Tx, a attempt,
	p publishers.Pending, compare bool,
) (why, detail string, err error) {
	if !a.at.Before(p.ExpiresAt) {
		return "the pending publisher for it expired on " + p.ExpiresAt.UTC().Format("2006-01-02"), "", nil
	}
	repo, err := publishers.RepositoryByID(ctx, tx, p.RepositoryID)
	if err != nil {
		return "", "", err
	}
	if p.Registrant != "" {
		u, err := tx.UserByID(ctx, p.Registrant)
		if fault.Is(err, fault.NotFound) || err == nil && !u.Active() {
			return "the user who registered its pending publisher has no active account", "", nil
		} else if err != nil {
			return "", "", err
		}
		if may, err := access.HoldsCreation(ctx, tx, p.Registrant, repo.Object()); err != nil || !may {
			return "the user who registered its pending publisher may no longer create projects",
				u.Name + " may no longer create projects in repository " + repo.Name, err
		}
	}
	name, err := packaging.ParseProjectName(p.Project)
	if err != nil {
		return "", "", err
	}
	if _, err := tx.ProjectByName(ctx, repo.ID, name); !fault.Is(err, fault.NotFound) {
		return "", "", err // if the project exists, createPending reports it
	}
	err = m.rules.Policy.CheckNewName(ctx, tx, catalog.NewName{
		Repository: repo, Name: name, User: p.Registrant, At: a.at, Compared: a.compared[name], EvenIfPublic: !compare,
	})
	switch fault.KindOf(err) {
	case fault.Denied, fault.Invalid, fault.Conflict, fault.Unavailable:
		return "the name that its pending publisher waits for cannot be used now", fault.Message(err), nil
	}
	return "", "", err
}
