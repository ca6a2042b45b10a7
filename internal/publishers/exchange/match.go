package exchange

import (
	"cmp"
	"context"
	"fmt"
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
		if n.ask(r, m.admits(a, r.Publisher)) {
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
		all, err := tx.PublishersFor(ctx, a.issuer, a.provider.Name(), a.lookup)
		for _, p := range all {
			out = append(out, publisherRule(p))
		}
		return out, err
	case access.ScopeRead:
		all, err := tx.ReadersFor(ctx, a.issuer, a.provider.Name(), a.lookup)
		for _, rd := range all {
			if rd.Whole || len(rd.Projects) > 0 {
				out = append(out, readerRule(rd))
			}
		}
		return out, err
	}
	return nil, fmt.Errorf("no rules give scope %d", a.want.Scope)
}

// admits reports whether a rule accepts the token. It first checks that the row has the token's issuer and provider.
func (m *Minter) admits(a attempt, p publishers.Publisher) error {
	if p.Issuer != a.issuer || p.Provider != a.provider.Name() || p.Lookup != a.lookup {
		return &workload.Mismatch{Claim: "iss", Got: workload.Show(a.issuer), Want: workload.Show(p.Issuer), Passed: -1}
	}
	rule, err := m.registry.Rule(p)
	if err != nil {
		return err
	}
	return a.provider.Admits(rule, a.claims)
}
