package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// OfClaims returns the fields of this kind that restrict the same claims as a rule on claims, in the form that Compile
// accepts. Required fields that the rule says nothing about are missing. It returns a fault.Invalid that names a claim
// that rules of this kind do not compare, or not in that way.
func (k *Kind) OfClaims(rules map[string]string) (map[string]string, error) {
	job := Claims{"ref": anyRevision, "ref_path": anyRevision} // a job that the rule admits, for fields that share a claim
	for field, v := range rules {
		kind, claim, _ := strings.Cut(field, ":")
		switch kind + ":" {
		case exactRule:
			job[claim] = v
		case prefixRule:
			job[claim] = strings.TrimSuffix(v, "*") + anyRevision
		}
	}
	if _, ok := rules[prefixRule+"workflow_ref"]; ok {
		job["ref"] = anyRevision
	}
	out := map[string]string{}
	if k.suggest != nil {
		out = k.suggest(job)
	}
	if out == nil {
		out = map[string]string{}
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
			return nil, fault.New(fault.Invalid, "a publisher of kind %s cannot restrict claim %.100s in that way", k.name, claim)
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out, nil
}

// anyRevision stands for the ref of a job that a rule admits.
const anyRevision = "refs/tags/x"

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

// Missing returns the names of the required fields that a rule on claims says nothing about, and of a field that the
// others require.
func (k *Kind) Missing(rules map[string]string) []string {
	have, err := k.OfClaims(rules)
	var out []string
	if err != nil {
		have = map[string]string{}
	}
	for _, f := range k.Fields {
		if f.Required && have[f.Name] == "" {
			out, have[f.Name] = append(out, f.Name), f.Example
		}
	}
	_, err = k.CompileNew(have)
	if f, ok := k.Field(fault.FieldOf(err)); err != nil && ok && have[f.Name] == "" {
		out = append(out, f.Name)
	}
	return out
}
