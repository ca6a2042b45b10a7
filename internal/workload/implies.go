package workload

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Implies returns nil if a rule of this kind refuses every job that a rule on claims refuses. Otherwise it returns a
// fault.Invalid that names a claim that the rule does not restrict in that way.
//
// It builds a job that both rules admit, and changes or removes each claim that the rule on claims restricts. Spellings
// that the platform does not tell apart, such as the case of an owner, count as the same value.
func (k *Kind) Implies(r Rule, rules map[string]string) error {
	job := k.sample(r)
	for _, field := range slices.Sorted(maps.Keys(rules)) {
		if Generic.claimFits(Rule{Fields: rules}, field, job) == nil {
			continue
		}
		_, claim, _ := strings.Cut(field, ":")
		if job[claim] = admittedBy(field, rules[field]); Generic.claimFits(Rule{Fields: rules}, field, job) != nil {
			return k.cannotRestrict(claim)
		}
	}
	for _, field := range genericOrder(Rule{Fields: rules}) {
		_, claim, _ := strings.Cut(field, ":")
		if !k.accepts(r, job) {
			return k.cannotRestrict(claim)
		}
		for _, v := range variants(field, rules[field], job[claim]) {
			other := maps.Clone(job)
			if other[claim] = v; v == nil {
				delete(other, claim)
			}
			if Generic.claimFits(Rule{Fields: rules}, field, other) != nil && k.accepts(r, other) {
				return k.cannotRestrict(claim)
			}
		}
	}
	return nil
}

func (k *Kind) cannotRestrict(claim string) error {
	return fault.New(fault.Invalid, "a publisher of kind %s cannot restrict claim %.100s in that way", k.name, claim)
}

// accepts reports whether a rule is found for a job and admits it.
func (k *Kind) accepts(r Rule, c Claims) bool {
	lookup, err := k.Lookup(c)
	return err == nil && lookup == r.Lookup && k.Admits(r, c) == nil
}

// noRef begins like a ref and is none, because git allows no such names. Rules cannot name it.
const noRef = "refs/\x00/ "

// admittedBy returns a claim that a field of a rule on claims admits.
func admittedBy(field, want string) any {
	kind, claim, _ := strings.Cut(field, ":")
	switch kind + ":" {
	case hasRule:
		return []any{want}
	case prefixRule:
		return strings.TrimSuffix(want, "*") + noRef
	case oneofRule:
		want, _, _ = strings.Cut(want, "\n")
	}
	if slices.Contains(boolClaims, claim) {
		return want == "true"
	}
	return want
}

// variants returns values for the claim of a field of a rule on claims, nil for none. Among them are values that each
// comparison of any kind admits by mistake if it gives the field's value another meaning.
func variants(field, want string, got any) []any {
	out := []any{nil, "", noRef, "x", true, false, json.Number("7"), []any{}, []any{noRef}}
	if s, ok := got.(string); ok {
		out = append(out, s+"x", s+"/x")
		if short := s[:max(0, len(s)-1)]; short+"/" != s { // Jenkins ignores a "/" at the end
			out = append(out, short)
		}
	}
	for v := range strings.SplitSeq(want, "\n") {
		stem := strings.TrimSuffix(v, "*")
		out = append(out, v, stem, stem+"x", stem+noRef, stem[:max(0, len(stem)-1)]+"~", v+"/", []any{v})
		for part := range strings.SplitSeq(v, ",") {
			out = append(out, part, strings.TrimSpace(part))
		}
	}
	if strings.HasPrefix(field, prefixRule) { // the beginnings of the prefix, at each of its parts
		for i, r := range want {
			if r == '/' || r == '@' {
				out = append(out, want[:i+1]+"~")
			}
		}
	}
	return out
}

// sample returns a job that a rule of this kind admits.
func (k *Kind) sample(r Rule) Claims {
	job := Claims{}
	for _, f := range k.Fields {
		if f.Claim == "" || f.Named || f.path != nil {
			continue
		}
		v := r.Fields[f.RuleName()]
		switch {
		case f.Name == k.pin:
			v = r.OwnerID
		case f.List:
			v, _, _ = strings.Cut(v, ",")
		}
		switch stem, open := strings.CutSuffix(v, "*"); {
		case v == "":
		case f.Claim == circleciContexts:
			job[f.Claim] = []any{v}
		case open:
			job[f.Claim] = stem + noRef
		default:
			job[f.Claim] = v
		}
	}
	if k.sampled != nil {
		k.sampled(r, job)
	}
	return job
}
