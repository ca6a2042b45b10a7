package workload

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Lookup returns the key under which rules for these claims are stored. It returns fault.Invalid if a claim that it
// needs is missing or malformed.
func (k *Kind) Lookup(c Claims) (string, error) {
	key, m := k.lookup(c)
	if m = m.inToken(c); m != nil {
		return "", fault.Wrap(fault.Invalid, m, "%s", m.Public())
	}
	return key, nil
}

// Admits returns nil if the claims fit the rule, and otherwise the first difference as a *Mismatch. A rule with an
// empty OwnerID fits any well-formed owner id.
func (k *Kind) Admits(r Rule, c Claims) error {
	if m := firstOf(k.shape, r, c); m != nil {
		return m
	}
	if k.open != nil {
		err := k.open.admits(k, r, c)
		if m, ok := errors.AsType[*Mismatch](err); ok {
			return m.inToken(c)
		}
		return err
	}
	for passed, fits := range k.comparisons(r) {
		if m := fits(r, c); m != nil {
			m.Passed = passed
			return m.inToken(c)
		}
	}
	return nil
}

// comparisons returns the comparisons of well-formed claims with a rule, in order.
func (k *Kind) comparisons(r Rule) []check {
	out := slices.Clip(k.checks)
	if k.open != nil {
		out = k.open.checks(k, r)
	}
	out = append(out, k.nevers()...)
	for _, f := range k.Fields {
		if f.fits == nil {
			continue
		}
		if f.Named {
			for _, name := range f.names(r.Fields) {
				one := f
				one.Name, one.Claim = name, name
				out = append(out, one.differs)
			}
		} else if r.Fields[f.RuleName()] != "" {
			out = append(out, f.differs)
		}
	}
	return out
}

// Never returns the reason why no rule of this kind may admit the claims, or nil.
func (k *Kind) Never(c Claims) *Mismatch {
	return cmp.Or(firstOf(k.shape, Rule{}, c), firstOf(k.nevers(), Rule{}, c))
}

// nevers returns the checks that refuse a well-formed token whatever the rule says.
func (k *Kind) nevers() []check {
	if k.shared {
		return slices.Concat(k.never, banned)
	}
	return k.never
}

// firstOf returns the first mismatch of some checks, or nil.
func firstOf(all []check, r Rule, c Claims) *Mismatch {
	for _, fits := range all {
		if m := fits(r, c); m != nil {
			return m.inToken(c)
		}
	}
	return nil
}

// Differences returns one mismatch for each claim in which c differs from r, in the order in which Admits checks them.
// If the claims are not well formed, the only mismatch is that reason.
func (k *Kind) Differences(r Rule, c Claims) []*Mismatch {
	if m := firstOf(k.shape, r, c); m != nil {
		return []*Mismatch{m}
	}
	var out []*Mismatch
	for _, fits := range k.comparisons(r) {
		m := fits(r, c)
		if m != nil && !slices.ContainsFunc(out, func(o *Mismatch) bool { return o.Claim == m.Claim }) {
			out = append(out, m.inToken(c))
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
	for _, f := range k.Fields {
		if f.Named {
			out = append(out, f.names(r.Fields)...)
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
		if (f.Recommended || f.like != nil) && f.Claim != "" {
			out = append(out, f.Claim)
		}
	}
	return out
}

// OwnerID returns the id to which the first accepted claims pin a rule, or "" if rules of this kind are not pinned. A
// rule that also takes the repository's id from the first token is pinned to both ids, separated by "/", so that both
// come from the same token.
func (k *Kind) OwnerID(r Rule, c Claims) string {
	if !k.Pins(r.Fields) {
		return ""
	}
	pin, _ := k.Field(k.pin)
	owner := text(c, pin.Claim)
	if owner == "" || !LeavesIDs(r.Fields) {
		return owner
	}
	id, _ := k.Field(fieldRepositoryID)
	return owner + "/" + text(c, id.Claim)
}
