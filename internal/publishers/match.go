package publishers

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// fits are the publishers and pending publishers that a token fits, and the rows among which they were found.
type fits struct {
	publishers []Publisher
	pending    []Pending
	passed     []passedOver
	all        []Publisher
}

// passedOver is a pending publisher that a token fits and that creates no project, with the reason for its registrant.
type passedOver struct {
	Pending
	why string
}

// match finds what a token fits. A *Refusal with code invalid-publisher names the claim by which the nearest differs.
func (r *Registry) match(ctx context.Context, tx Tx, x exchange) (fits, error) {
	var f fits
	var n nearest
	all, err := tx.PublishersFor(ctx, x.issuer, x.provider.Name(), x.lookup)
	if err != nil {
		return f, err
	}
	f.all = all
	for _, p := range all {
		if n.ask(near{Publisher: p}, r.admits(x, p)) {
			f.publishers = append(f.publishers, p)
		}
	}
	if f.pending, f.passed, err = r.matchPending(ctx, tx, x, &n); err != nil {
		return f, err
	}
	if len(f.publishers)+len(f.pending) == 0 {
		why := n.refusal(x)
		why.passed = f.passed
		return f, why
	}
	// The narrowest rule first: it is the one that the token's row and the record name.
	slices.SortStableFunc(f.publishers, func(a, b Publisher) int {
		return cmp.Compare(b.Fields[workload.FieldEnvironment], a.Fields[workload.FieldEnvironment])
	})
	return f, nil
}

// matchPending finds the pending publishers that a token fits, oldest first, and among those the ones that are passed over.
func (r *Registry) matchPending(ctx context.Context, tx Tx, x exchange, n *nearest) (out []Pending, passed []passedOver, err error) {
	all, err := tx.PendingFor(ctx, x.issuer, x.provider.Name(), x.lookup)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		why, detail, err := r.whyOver(ctx, tx, x, p)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			n.why = why
			if r.admits(x, p.Publisher) == nil {
				passed = append(passed, passedOver{p, cmp.Or(detail, why)})
			}
			continue
		}
		if n.ask(near{Publisher: p.Publisher, pending: &p}, r.admits(x, p.Publisher)) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Pending) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return out, passed, nil
}

// whyOver returns why a pending publisher can no longer create its project, for anybody, with more detail for its registrant;
// "" if it still can. Its registrant must be one who may create the project at this moment.
func (r *Registry) whyOver(ctx context.Context, tx Tx, x exchange, p Pending) (why, detail string, err error) {
	if !x.at.Before(p.ExpiresAt) {
		return "the pending publisher for it expired on " + p.ExpiresAt.UTC().Format("2006-01-02"), "", nil
	}
	repo, err := repositoryByID(ctx, tx, p.RepositoryID)
	if err != nil {
		return "", "", err
	}
	if p.Registrant != "" {
		u, err := tx.UserByID(ctx, p.Registrant)
		if fault.Is(err, fault.NotFound) || err == nil && !u.Active() {
			return "whoever registered the pending publisher for it has no active account", "", nil
		} else if err != nil {
			return "", "", err
		}
		if may, err := access.HoldsCreation(ctx, tx, p.Registrant, repo.Object()); err != nil || !may {
			return "whoever registered the pending publisher for it may no longer create projects", u.Name + " may no longer create projects in repository " + repo.Name, err
		}
	}
	name, err := packaging.ParseProjectName(p.Project)
	if err != nil {
		return "", "", err
	}
	if _, err := tx.ProjectByName(ctx, repo.ID, name); !fault.Is(err, fault.NotFound) {
		return "", "", err // the project exists: reify says so
	}
	err = r.o.Policy.CheckNewName(ctx, tx, repo, name, p.Registrant, x.at)
	switch fault.KindOf(err) {
	case fault.Denied, fault.Invalid, fault.Conflict:
		return "the name that its pending publisher waits for cannot be used now", fault.Message(err), nil
	}
	return "", "", err
}

// admits asks the provider, after the row itself: only rows of this very issuer and provider count.
func (r *Registry) admits(x exchange, p Publisher) error {
	if p.Issuer != x.issuer || p.Provider != x.provider.Name() || p.Lookup != x.lookup {
		return &workload.Mismatch{Claim: "iss", Got: workload.Show(x.issuer), Want: workload.Show(p.Issuer), Passed: -1}
	}
	rule, err := r.rule(p)
	if err != nil {
		return err
	}
	return x.provider.Admits(rule, x.claims)
}

// nearest remembers the rules that a token came closest to.
type nearest struct {
	found *workload.Mismatch
	near  []near
	why   string // where no rule was asked
}

// ask notes a rule's answer and reports whether the token fits.
func (n *nearest) ask(p near, err error) bool {
	if err == nil {
		return true
	}
	m := workload.AsMismatch(err)
	if m.Passed < 0 { // the rule is about another workload
		return false
	}
	if n.found == nil || m.Passed > n.found.Passed {
		n.found, n.near = m, nil
	}
	if m.Passed == n.found.Passed {
		p.by = m
		n.near = append(n.near, p)
	}
	return false
}

func (n *nearest) refusal(x exchange) *Refusal {
	if n.found == nil {
		why := n.why
		if why == "" {
			why = "no project here trusts " + workload.Show(x.subject()) + "; its owner has to add a publisher for it first"
		}
		return Refuse(CodePublisher, noPublisher(why))
	}
	f := Refuse(CodePublisher, noPublisher(n.found.Public()+"; a project's owner can compare it with the publisher"))
	f.nearest = n.near
	return f
}

// subject is whose token it is, for people.
func (x exchange) subject() any {
	if x.lookup == workload.AnyLookup {
		return x.claims["sub"]
	}
	return x.lookup
}
