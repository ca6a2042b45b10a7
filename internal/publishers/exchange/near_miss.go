package exchange

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// Limits on the audit entries of one refusal.
const (
	maxHistories   = 20 // entries
	maxNearest     = 5  // publishers in one entry
	maxDifferences = 20 // claims of one publisher
)

// nearMiss is a rule that a token almost matched. Several rules may be equally near and expect different values.
type nearMiss struct {
	rule
	by     *workload.Mismatch
	differ int              // number of claims that differ; those of a new name are one
	former *workload.Former // nil unless the workload was renamed
	other  bool             // the rule is for another issuer of the platform
}

// compare orders the nearest rule first: it has the fewest differences, or else the last first difference.
func (n nearMiss) compare(o nearMiss) int {
	return cmp.Or(cmp.Compare(n.differ, o.differ), cmp.Compare(o.by.Passed, n.by.Passed))
}

// renamed returns the change of the workload's name in words, or "".
func (n nearMiss) renamed() string {
	if n.former == nil {
		return ""
	}
	return n.former.String(terms[n.scope()].rule)
}

// nearest collects the rules that a token came closest to.
type nearest struct {
	all []nearMiss
	why string // why a pending publisher was skipped
}

// ask compares the token with a rule, and reports whether the rule matches.
func (m *Minter) ask(a attempt, n *nearest, r rule) bool {
	err := m.admits(a, r.Publisher)
	if err == nil {
		return true
	}
	miss := nearMiss{rule: r, by: workload.AsMismatch(err)}
	if miss.by.Passed < 0 { // the rule is about another workload
		return false
	}
	n.add(m.measured(a, miss))
	return false
}

// add adds a rule that does not match.
func (n *nearest) add(miss nearMiss) {
	switch {
	case len(n.all) == 0 || miss.compare(n.all[0]) < 0:
		n.all = []nearMiss{miss}
	case miss.compare(n.all[0]) == 0:
		n.all = append(n.all, miss)
	}
}

// measured fills in how near a rule is.
func (m *Minter) measured(a attempt, n nearMiss) nearMiss {
	rule, err := m.registry.Rule(n.Publisher)
	if err != nil {
		n.differ = math.MaxInt // the row cannot be compared
		return n
	}
	if n.former = m.kindOf(n.Publisher).Renamed(rule, a.claims); n.former == nil {
		n.differ = len(m.kindOf(n.Publisher).Differences(rule, a.claims))
		return n
	}
	n.differ = 1 + len(m.kindOf(n.Publisher).Differences(n.former.Now, a.claims))
	return n
}

// refusal explains why no rule matched. It omits the values that the nearest rule expects, because anyone may present a
// token.
func (n *nearest) refusal(a attempt) *Refusal {
	words := terms[a.want.Scope]
	if len(n.all) == 0 {
		return noRule(a.want.Scope, cmp.Or(n.why, a.unclear, fmt.Sprintf(words.untrusted, a.subject())))
	}
	first, then := n.all[0], words.compare
	by := *first.by
	switch {
	case first.former != nil:
		by = workload.Mismatch{Claim: by.Claim, Got: by.Got, Why: "but " + first.renamed()}
		then = words.renew
	case first.other:
		by.Want, by.Why = "", "but the "+words.rule+" for this workload names the platform's other issuer, "+first.Issuer
		then = words.other
	case by.Want != "":
		by.Want, by.Why = "", "which the nearest "+words.rule+" does not accept"
	}
	f := noRule(a.want.Scope, by.Public()+"; "+then)
	f.nearest = n.all
	return f
}

// history is the part of a refusal for the audit log of one project, repository or pending publisher.
type history struct {
	target
	all []nearMiss
}

// historiesOf groups the nearest rules by audience, so that the owners of one project cannot see another project's
// rules.
func historiesOf(ctx context.Context, tx publishers.Tx, all []nearMiss) ([]*history, error) {
	type key struct {
		target
		pending string // several people may wait for one name, and must not see each other's rules
	}
	in := map[key]*history{}
	var out []*history
	for _, n := range all {
		places, err := targets(ctx, tx, n.rule)
		if err != nil {
			return nil, err
		}
		for _, t := range places {
			k, most := key{target: t}, maxNearest
			if n.pending != nil {
				k.pending = n.pending.ID
			}
			if n.reader != nil {
				most = 1
			}
			h := in[k]
			if h == nil && len(out) == maxHistories {
				continue
			} else if h == nil {
				h = &history{target: t}
				in[k], out = h, append(out, h)
			}
			if len(h.all) < most {
				h.all = append(h.all, n)
			}
		}
	}
	return out, nil
}

// tellNearest records e in the history of each place with a nearest rule, with the values that its own rules expected.
// It returns the number of histories.
func (m *Minter) tellNearest(ctx context.Context, tx publishers.Tx, a attempt, e audit.Entry,
	all []nearMiss,
) (int, error) {
	told, err := historiesOf(ctx, tx, all)
	if err != nil {
		return 0, err
	}
	for _, h := range told {
		e, first := e, h.all[0]
		e.ID, e.Subject, e.Detail = m.rules.NewID(), first.id(), maps.Clone(e.Detail)
		e.Detail["claim"], e.Detail["got"] = first.by.Claim, first.by.Got
		e.Detail["expected"], e.Detail["difference"] = first.by.Want, cmp.Or(first.renamed(), first.by.Error())
		var asked []publishers.Publisher
		for _, n := range h.all {
			asked = append(asked, n.Publisher)
		}
		e.Detail["nearest"], e.Detail[DetailCompared] = m.nearestDetail(a, h.all), m.compared(asked...)
		if err := m.insert(ctx, tx, e, h.target); err != nil {
			return 0, err
		}
	}
	return len(told), nil
}

func (m *Minter) nearestDetail(a attempt, all []nearMiss) []any {
	var out []any
	for _, n := range all {
		var differences []any
		for _, d := range m.differences(a, n) {
			differences = append(differences, map[string]any{
				"claim":    cut(d.Claim, maxClaimName),
				"expected": cut(d.Want, maxClaimText),
				"got":      cut(d.Got, maxClaimText),
				"why":      cut(cmp.Or(d.Why, d.Note), maxClaimText),
			})
		}
		miss := map[string]any{
			"id": n.id(), "publisher": m.registry.Sentence(n.Publisher), "pending": n.pending != nil, "differences": differences,
			"provider": n.Provider, "fields": n.Fields, "owner_id": n.OwnerID,
		}
		if n.former != nil {
			miss["renamed"] = n.renamed()
		}
		out = append(out, miss)
	}
	return out
}

// differences returns the claims by which the token differs from a rule, at least the one that caused the refusal.
func (m *Minter) differences(a attempt, n nearMiss) []*workload.Mismatch {
	if n.other {
		return []*workload.Mismatch{n.by}
	}
	rule, err := m.registry.Rule(n.Publisher)
	if err != nil {
		return []*workload.Mismatch{n.by}
	}
	all := m.kindOf(n.Publisher).Differences(rule, a.claims)
	if len(all) == 0 {
		return []*workload.Mismatch{n.by}
	}
	return all[:min(len(all), maxDifferences)]
}
