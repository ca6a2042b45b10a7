package exchange

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// Bounds of what one refusal leaves in the histories.
const (
	maxHistories   = 20 // histories that show it
	maxNearest     = 5  // publishers in one of them
	maxDifferences = 20 // claims of one publisher
)

// nearMiss is a rule that a token almost fitted. Several may be equally near and expect different things of a claim.
type nearMiss struct {
	rule
	by *workload.Mismatch
}

// nearest remembers the rules that a token came closest to.
type nearest struct {
	all []nearMiss
	why string // why a pending publisher was not asked
}

// ask notes a rule's answer and reports whether the token fits.
func (n *nearest) ask(r rule, err error) bool {
	if err == nil {
		return true
	}
	by := workload.AsMismatch(err)
	if by.Passed < 0 && r.reader == nil { // the rule is about another workload
		return false
	}
	if len(n.all) == 0 || by.Passed > n.all[0].by.Passed {
		n.all = []nearMiss{{r, by}}
	} else if by.Passed == n.all[0].by.Passed {
		n.all = append(n.all, nearMiss{r, by})
	}
	return false
}

// refusal says why no rule was fitted, without what the nearest expects: the bearer of a token may be anybody.
func (n *nearest) refusal(a attempt) *Refusal {
	words := terms[a.want.Scope]
	if len(n.all) == 0 {
		return noRule(a.want.Scope, cmp.Or(n.why, fmt.Sprintf(words.untrusted, workload.Show(a.subject()))))
	}
	by := *n.all[0].by
	if by.Want != "" {
		by.Want, by.Why = "", "which the nearest "+words.rule+" does not accept"
	}
	f := noRule(a.want.Scope, by.Public()+"; "+words.compare)
	f.nearest = n.all
	return f
}

// history is what one refusal leaves in the history of a project, a repository or a pending publisher.
type history struct {
	target
	all []nearMiss
}

// historiesOf sorts the nearest rules by who may see them: what one project expects is no business of another's.
func historiesOf(ctx context.Context, tx publishers.Tx, all []nearMiss) ([]*history, error) {
	type key struct {
		target
		pending string // several people may wait for one name, and neither may see what the other waits for
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

// tellNearest writes e into each history whose owners can do something about it, with what their own rules expected,
// and returns how many there are.
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
		e.Detail["expected"], e.Detail["difference"] = first.by.Want, first.by.Error()
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
				"why":      cut(d.Why, maxClaimText),
			})
		}
		out = append(out, map[string]any{
			"id": n.id(), "publisher": m.registry.Sentence(n.Publisher), "pending": n.pending != nil, "differences": differences,
		})
	}
	return out
}

// differences returns the claims by which the token differs from a rule: at least the one that it was refused for.
func (m *Minter) differences(a attempt, n nearMiss) []*workload.Mismatch {
	rule, err := m.registry.Rule(n.Publisher)
	if err != nil {
		return []*workload.Mismatch{n.by}
	}
	all := a.provider.Differences(rule, a.claims)
	if len(all) == 0 {
		return []*workload.Mismatch{n.by}
	}
	return all[:min(len(all), maxDifferences)]
}
