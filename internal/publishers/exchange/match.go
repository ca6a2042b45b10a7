package exchange

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// fits holds the rules that match a token, and the candidates they were chosen from.
type fits struct {
	rules   []rule // publishers or readers, depending on the scope
	pending []publishers.Pending
	passed  []passedOver
	all     []rule // without pending ones
}

// passedOver is a matching pending publisher that creates no project, and the reason for its registrant.
type passedOver struct {
	publishers.Pending
	why string
}

// match returns the rules that match a token. If there are none, it returns a *Refusal with code invalid-publisher that
// names the claim by which the nearest rule differs.
func (m *Minter) match(ctx context.Context, tx publishers.Tx, a attempt) (fits, error) {
	var f fits
	var n nearest
	all, err := candidates(ctx, tx, a)
	if err != nil {
		return f, err
	}
	f.all = all
	for _, r := range all {
		if m.ask(a, &n, r) {
			f.rules = append(f.rules, r)
		}
	}
	if a.want.Scope == access.ScopeUpload {
		if f.pending, f.passed, err = m.matchPending(ctx, tx, a, &n); err != nil {
			return f, err
		}
		// The narrowest rule comes first, because the token's row and the audit log name the first one.
		slices.SortStableFunc(f.rules, func(a, b rule) int {
			return cmp.Compare(b.Fields[workload.FieldEnvironment], a.Fields[workload.FieldEnvironment])
		})
	}
	if len(f.rules)+len(f.pending) == 0 {
		if err := m.findRenamed(ctx, tx, a, &n); err != nil {
			return f, err
		}
		if err := m.findElsewhere(ctx, tx, a, &n); err != nil {
			return f, err
		}
		why := n.refusal(a)
		why.passed = f.passed
		return f, why
	}
	return f, nil
}

// candidates returns the rules of the requested scope that may concern the token's workload.
func candidates(ctx context.Context, tx publishers.Tx, a attempt) (out []rule, err error) {
	switch a.want.Scope {
	case access.ScopeUpload:
		all, err := tx.PublishersFor(ctx, a.issuer, a.keys()...)
		for _, p := range all {
			out = append(out, publisherRule(p))
		}
		return out, err
	case access.ScopeRead:
		all, err := tx.ReadersFor(ctx, a.issuer, a.keys()...)
		for _, rd := range all {
			if rd.Whole || len(rd.Projects) > 0 {
				out = append(out, readerRule(rd))
			}
		}
		return out, err
	}
	return nil, fmt.Errorf("no rules give scope %d", a.want.Scope)
}

// findRenamed adds the rules that are pinned to the ids of the token's workload but stored under a name that it no
// longer has. They explain a refusal and never match.
func (m *Minter) findRenamed(ctx context.Context, tx publishers.Tx, a attempt, n *nearest) error {
	ids, ok := a.provider.IDs(a.lookup, a.claims)
	if !ok {
		return nil
	}
	all, err := renamedRules(ctx, tx, a, publishers.PinFilter{
		Issuer: a.issuer, Provider: a.provider.Name(), Except: a.lookup, PinnedIDs: ids, Limit: maxHistories,
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.pending != nil {
			if why, _, err := m.expiredReason(ctx, tx, a, *r.pending, false); err != nil || why != "" {
				continue
			}
		}
		miss := m.measured(a, nearMiss{rule: r})
		if miss.former == nil {
			continue
		}
		rule, err := m.registry.Rule(r.Publisher)
		if err != nil {
			continue
		}
		if all := m.kindOf(r.Publisher).Differences(rule, a.claims); len(all) > 0 {
			miss.by = all[0]
			miss.by.Passed = math.MaxInt // the id is the stronger evidence
			n.add(miss)
		}
	}
	return nil
}

// findElsewhere adds the rules for the token's workload that name the platform's other issuer, if no rule names the
// token's. They explain a refusal and never match.
func (m *Minter) findElsewhere(ctx context.Context, tx publishers.Tx, a attempt, n *nearest) error {
	if len(n.all) > 0 {
		return nil
	}
	for _, issuer := range a.provider.OtherIssuers(a.issuer, a.claims) {
		other := a
		other.issuer, other.kinds = issuer, []candidate{{a.provider, a.lookup}}
		all, err := candidates(ctx, tx, other)
		if err != nil {
			return err
		}
		for _, r := range all {
			if m.admits(other, r.Publisher) == nil {
				n.add(nearMiss{
					rule: r, other: true, differ: 1,
					by: &workload.Mismatch{Claim: "iss", Got: workload.Show(a.issuer), Want: workload.Show(issuer)},
				})
			}
		}
	}
	return nil
}

func renamedRules(ctx context.Context, tx publishers.Tx, a attempt, f publishers.PinFilter) (out []rule, err error) {
	if a.want.Scope == access.ScopeRead {
		all, err := tx.ReadersPinnedTo(ctx, f)
		for _, rd := range all {
			out = append(out, readerRule(rd))
		}
		return out, err
	}
	all, err := tx.PublishersPinnedTo(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		out = append(out, publisherRule(p))
	}
	waiting, err := tx.PendingPinnedTo(ctx, f)
	for _, p := range waiting {
		out = append(out, pendingRule(p))
	}
	return out, err
}

// admits reports whether a rule accepts the token. It first checks that the row has the token's issuer and provider.
func (m *Minter) admits(a attempt, p publishers.Publisher) error {
	kind := a.kind(p)
	if kind == nil {
		return &workload.Mismatch{Claim: "iss", Got: workload.Show(a.issuer), Want: workload.Show(p.Issuer), Passed: -1}
	}
	rule, err := m.registry.Rule(p)
	if err != nil {
		return err
	}
	return kind.Admits(rule, a.claims)
}

// kindOf returns the kind of a rule that Registry.Rule has compiled.
func (m *Minter) kindOf(p publishers.Publisher) *workload.Kind {
	return m.registry.Provider(p.Provider)
}
