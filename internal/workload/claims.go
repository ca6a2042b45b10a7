package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// FieldClaims is the field of the form for rules on claims: NAME=VALUE, a line each. ParseClaims makes rules of it.
const FieldClaims = "claims"

// ParseClaims reads rules on claims, a line each: NAME=VALUE for exactly a text, the same name again for one of
// several, and NAME=BEGINNING* for claims that hold refs. fault.Invalid is about the line that cannot be read.
func ParseClaims(text string) (map[string]string, error) {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			return nil, fault.InField(FieldClaims, "%.100q is not a rule: write NAME=VALUE, one on each line", line)
		}
		if err := addClaimRule(out, name, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func addClaimRule(out map[string]string, name, value string) error {
	if strings.HasSuffix(value, "*") {
		if _, err := parseClaimPrefix(name, value); err != nil {
			return fault.InField(FieldClaims, "%s", fault.Message(err))
		}
		if out[prefixRule+name] != "" {
			return fault.InField(FieldClaims, "claim %.40q has two beginnings, which cannot both be meant", name)
		}
		out[prefixRule+name] = value
		return nil
	}
	if old := out[oneofRule+name]; old != "" {
		value = old + "\n" + value
	}
	out[oneofRule+name] = value
	return nil
}

// ClaimsText writes rules on claims as ParseClaims reads them.
func ClaimsText(fields map[string]string) string {
	var b strings.Builder
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, ok := strings.Cut(field, ":")
		if !ok || !slices.Contains([]string{exactRule, oneofRule, prefixRule}, kind+":") {
			continue
		}
		for v := range strings.SplitSeq(fields[field], "\n") {
			b.WriteString(claim + "=" + v + "\n")
		}
	}
	return b.String()
}
