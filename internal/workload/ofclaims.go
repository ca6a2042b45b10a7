package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// OfClaims returns the fields of this kind that restrict the same claims as a rule on claims, in the form that Compile
// accepts. Required fields that the rule says nothing about are missing. It returns a fault.Invalid that names a claim
// that rules of this kind do not compare, or not in that way: no rule with these fields admits a job that the rule on
// claims refuses.
func (k *Kind) OfClaims(rules map[string]string) (map[string]string, error) {
	out, err := k.fieldsOf(rules)
	if err != nil {
		return nil, err
	}
	whole, _ := k.complete(out)
	r, err := k.CompileNew(whole)
	if err != nil {
		return nil, err
	}
	return out, k.Implies(r, rules)
}

// fieldsOf is OfClaims without the check that the fields restrict the claims in the same way.
func (k *Kind) fieldsOf(rules map[string]string) (map[string]string, error) {
	job := Claims{"ref": noRef} // a job that the rule admits, for fields that share a claim
	for field, v := range rules {
		if kind, claim, _ := strings.Cut(field, ":"); kind+":" == exactRule || kind+":" == prefixRule {
			job[claim] = admittedBy(field, v)
		}
	}
	if at := strings.LastIndexByte(text(job, "workflow_ref"), '@'); at >= 0 {
		job["ref"] = text(job, "workflow_ref")[at+1:]
	}
	out := map[string]string{}
	if k.suggest != nil {
		maps.Copy(out, k.suggest(job))
	}
	for _, field := range slices.Sorted(maps.Keys(rules)) {
		kind, claim, _ := strings.Cut(field, ":")
		i := slices.IndexFunc(k.Fields, func(f Field) bool { return f.Claim == claim })
		switch {
		case i >= 0 && kind+":" == oneofRule && k.Fields[i].List:
			out[k.Fields[i].Name] = strings.ReplaceAll(rules[field], "\n", ",")
		case i >= 0 && kind+":" != oneofRule:
			out[k.Fields[i].Name] = rules[field]
		case i < 0 && kind+":" != oneofRule && slices.Contains(k.claims, claim):
		default:
			return nil, k.cannotRestrict(claim)
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out, nil
}

// complete adds examples of the required fields that are missing, and of a field that the others require. It returns
// the names of those that it added.
func (k *Kind) complete(fields map[string]string) (map[string]string, []string) {
	out := map[string]string{}
	maps.Copy(out, fields)
	var added []string
	for _, f := range k.Fields {
		if f.Required && out[f.Name] == "" {
			added, out[f.Name] = append(added, f.Name), f.Example
		}
	}
	_, err := k.CompileNew(out)
	if f, ok := k.Field(fault.FieldOf(err)); err != nil && ok && out[f.Name] == "" {
		added, out[f.Name] = append(added, f.Name), f.Example
	}
	return out, added
}

// Own returns the kind of the platform whose tokens a rule on claims concerns, if publishers of that kind are stricter
// than the rule. It returns nil for other rules.
func (k *Kind) Own(issuer string, fields map[string]string) *Kind {
	if k != Generic {
		return nil
	}
	own := Find(PlatformOf(issuer, fields))
	if own == nil || !own.shared {
		return nil
	}
	if _, err := own.OfClaims(fields); err != nil {
		return nil
	}
	return own
}

// Constrains reports whether a field can narrow a publisher, or complete one whose rules on claims are replaced. Rules
// on claims may lack a required id.
func (k *Kind) Constrains(field string) bool {
	f, ok := k.Field(field)
	id := f.Required && f.ID
	return ok && !f.Renames && (id || !f.Required && (f.Tighten != "" || f.Stricter))
}

// Missing returns the names of the required fields that a rule on claims says nothing about, and of a field that the
// others require.
func (k *Kind) Missing(rules map[string]string) []string {
	have, err := k.OfClaims(rules)
	if err != nil {
		have = nil
	}
	_, missing := k.complete(have)
	return missing
}
