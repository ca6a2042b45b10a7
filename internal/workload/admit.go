package workload

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Lookup returns the key under which rules for these claims are stored. It returns fault.Invalid if a claim that it
// needs is missing or malformed.
func (k *Kind) Lookup(c Claims) (string, error) {
	key, m := k.lookup(c)
	if m != nil {
		return "", fault.Wrap(fault.Invalid, m, "%s", m.Public())
	}
	return key, nil
}

// Admits returns nil if the claims fit the rule, and otherwise the first difference as a *Mismatch. A rule with an
// empty OwnerID fits any well-formed owner id.
func (k *Kind) Admits(r Rule, c Claims) error {
	if k.open != nil {
		return k.open.admits(r, c)
	}
	if k.shape != nil {
		if m := k.shape(c); m != nil {
			return m
		}
	}
	for passed, fits := range append(slices.Clip(k.checks), k.optionsFit) {
		if m := fits(r, c); m != nil {
			m.Passed = passed
			return m
		}
	}
	return nil
}

// optionsFit compares the claims of the rule's optional fields.
func (k *Kind) optionsFit(r Rule, c Claims) *Mismatch {
	for _, f := range k.Fields {
		if m := f.differs(r, c); m != nil {
			return m
		}
	}
	return nil
}

// Differences returns one mismatch for each claim in which c differs from r, in the order in which Admits checks them.
func (k *Kind) Differences(r Rule, c Claims) []*Mismatch {
	if k.shape != nil {
		if m := k.shape(c); m != nil {
			return []*Mismatch{m}
		}
	}
	checks := slices.Clip(k.checks)
	if k.open != nil {
		checks = k.open.checks(r)
	}
	for _, f := range k.Fields {
		checks = append(checks, f.differs)
	}
	var out []*Mismatch
	for _, fits := range checks {
		m := fits(r, c)
		if m != nil && !slices.ContainsFunc(out, func(o *Mismatch) bool { return o.Claim == m.Claim }) {
			out = append(out, m)
		}
	}
	return out
}

// Compares returns the claims that a rule compares.
func (k *Kind) Compares(r Rule) []string {
	out := slices.Clip(k.claims)
	for _, f := range k.Fields {
		if f.Claim != "" && r.Fields[f.RuleName()] != "" {
			out = append(out, f.Claim)
		}
	}
	for field := range r.Fields {
		if _, claim, ok := strings.Cut(field, ":"); ok && k.open != nil {
			out = append(out, claim)
		}
	}
	return out
}

// Identity returns the claims that every rule of this kind concerns, in display order.
func (k *Kind) Identity() []string {
	out := slices.Clip(k.claims)
	for _, f := range k.Fields {
		if f.Recommended && f.Claim != "" {
			out = append(out, f.Claim)
		}
	}
	return out
}

// OwnerID returns the id to which the first accepted claims pin a rule, or "" if rules of this kind are not pinned. A
// rule that also takes the repository's id from the first token is pinned to both ids, separated by "/", so that both
// come from the same token.
func (k *Kind) OwnerID(r Rule, c Claims) string {
	pin, _ := k.Field(k.pin)
	owner := text(c, pin.Claim)
	if owner == "" || !LeavesIDs(r.Fields) {
		return owner
	}
	id, _ := k.Field(fieldRepositoryID)
	return owner + "/" + text(c, id.Claim)
}
