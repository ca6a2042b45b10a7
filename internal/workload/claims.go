package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// FieldClaims is the form field for rules on claims, one NAME=VALUE on each line. ParseClaims reads it.
const FieldClaims = "claims"

// ParseClaims reads rules on claims, one on each line: NAME=VALUE for an exact value, the same name again for one of
// several values, NAME=BEGINNING* for claims that hold refs, and "NAME has VALUE" for claims that hold lists. If a line
// is malformed, it returns a fault.Invalid that quotes the line.
func ParseClaims(text string) (map[string]string, error) {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if name, value, ok := strings.Cut(line, hasWord); ok && !strings.Contains(name, "=") {
			if name, value = strings.TrimSpace(name), strings.TrimSpace(value); out[hasRule+name] != "" {
				return nil, fault.InField(FieldClaims, "claim %.40q has two values of a list; write only one", name)
			}
			out[hasRule+name] = value
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			return nil, fault.InField(FieldClaims, "%.100q is not a rule: write one NAME=VALUE on each line", line)
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
			return fault.InField(FieldClaims, "claim %.40q has two prefixes; write only one", name)
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

// ClaimsText formats rules on claims the way ParseClaims reads them.
func ClaimsText(fields map[string]string) string {
	var b strings.Builder
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, ok := strings.Cut(field, ":")
		if kind += ":"; !ok || !slices.Contains([]string{exactRule, oneofRule, prefixRule, hasRule}, kind) {
			continue
		}
		if kind == hasRule {
			b.WriteString(claim + hasWord + fields[field] + "\n")
			continue
		}
		for v := range strings.SplitSeq(fields[field], "\n") {
			b.WriteString(claim + "=" + v + "\n")
		}
	}
	return b.String()
}

// The prefixes of the fields of a generic rule.
const (
	exactRule  = "claim:"
	oneofRule  = "oneof:"
	prefixRule = "prefix:"
	hasRule    = "has:"
)

// hasWord separates the name of a claim that holds a list from one of its values, in the text of rules.
const hasWord = " has "

// propertyClaim is the beginning of the claims with GitHub's custom properties. Several values are one string with
// commas between them.
const propertyClaim = "repo_property_"

// literal reports whether a rule allows only fixed values for a claim.
func literal(r Rule, claim string) bool {
	return r.Fields[exactRule+claim] != "" || r.Fields[oneofRule+claim] != ""
}

func parseClaimPrefix(claim, v string) (string, error) {
	within, ok := refClaims[claim]
	if !ok {
		return "", fault.New(fault.Invalid, "claim %s cannot be compared by prefix: only refs can (%s)", claim,
			strings.Join(slices.Sorted(maps.Keys(refClaims)), ", "))
	}
	if within == "refs/" {
		return parseRef("claim "+claim+" with", v)
	}
	stem, open := strings.CutSuffix(v, "*")
	if !open || stem == "" || strings.Contains(stem, "*") || !strings.Contains(stem, within) {
		return "", fault.New(fault.Invalid,
			"claim %s cannot have the prefix %.100q: write a prefix that contains %q, and one * at the end", claim, v, within)
	}
	return parseClaimValue(claim, v)
}

func parseClaimValue(claim, v string) (string, error) {
	if v == "" || len(v) > maxRuleValue || strings.TrimSpace(v) != v || HasControl(v) {
		return "", fault.New(fault.Invalid,
			"claim %s cannot be %.100q: write at most %d bytes, without blanks at either end or control characters",
			claim, v, maxRuleValue)
	}
	return v, nil
}

// refClaims lists the claims that may be compared by a prefix, and a string that the prefix has to contain. The string
// makes sure that the prefix ends inside a ref: a prefix that ends inside the name of a repository would also match
// other repositories.
var refClaims = map[string]string{
	"ref": "refs/", "ref_path": "refs/", "rpo_ref": "refs/", "oidc.circleci.com/vcs-ref": "refs/",
	"workflow_ref": "@", "job_workflow_ref": "@", "build_branch": "", "build_tag": "", "branch": "", "tag": "",
}

// Bounds of a generic rule.
const (
	maxRules     = 20
	maxRuleName  = 100 // bytes
	maxRuleValue = 500 // bytes
	maxRuleList  = 20  // values of one claim
)

// fieldPreset names the platform that the other fields of a publisher of kind generic belong to; see OfPreset.
const fieldPreset = "preset"
