package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Generic knows no claims by heart: a rule says which claim has to be what. It fits every issuer that signs RS256 and
// whose documentation says what its claims mean.
//
// A rule's fields are "claim:NAME" for exactly a text, "oneof:NAME" for one of several, a line each, and "prefix:NAME"
// for refs that begin with what stands before one "*" at the end. What names the workload has to be pinned: sub, or the
// repository or project, exactly or as one of several. A claim that is no text fits nothing.
type Generic struct{}

var _ Provider = Generic{}

// What the fields of a generic rule begin with.
const (
	exactRule  = "claim:"
	oneofRule  = "oneof:"
	prefixRule = "prefix:"
)

// Bounds of a generic rule.
const (
	maxRules     = 20
	maxRuleName  = 100 // bytes
	maxRuleValue = 500 // bytes
	maxRuleList  = 20  // values of one claim
)

// anyLookup is every generic rule's key. Rules of one issuer pin different claims, so all of them are asked.
const AnyLookup = "*"

// Name implements Provider.
func (Generic) Name() string { return "generic" }

// Issuer implements Provider: there is none that goes without saying.
func (Generic) Issuer() string { return "" }

// PinField implements Provider: an id that should be pinned is a claim like any other.
func (Generic) PinField() string { return "" }

// NeedsTokenID implements Provider: not all issuers number their tokens.
func (Generic) NeedsTokenID() bool { return false }

// Lookup implements Provider: the same for all.
func (Generic) Lookup(Claims) (string, error) { return AnyLookup, nil }

// OwnerID implements Provider.
func (Generic) OwnerID(Rule, Claims) string { return "" }

// Compile implements Provider. With the field "preset" the others are those of the preset, and become rules.
func (Generic) Compile(fields map[string]string) (Rule, error) {
	p, fields, err := expand(fields)
	if err != nil {
		return Rule{}, err
	}
	if len(fields) > maxRules {
		return Rule{}, fault.New(fault.Invalid, "%d claims; at most %d are compared", len(fields), maxRules)
	}
	r := Rule{Lookup: AnyLookup, Fields: map[string]string{}}
	seen := map[string]bool{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, v, err := parseClaimRule(field, fields[field])
		if err != nil {
			return Rule{}, fault.InField(p.fieldOf(field), "%s", fault.Message(err))
		}
		if seen[claim] {
			return Rule{}, fault.InField(field, "claim %.40q has two rules, which cannot both be meant", claim)
		}
		seen[claim] = true
		r.Fields[kind+claim] = v
	}
	if !pins(r) {
		return Rule{}, fault.New(fault.Invalid, "no claim pins the workload: say what sub is, or repository, or another claim that names one repository or project (%s)", pinNames())
	}
	r.Sentence = genericSentence(r)
	return r, nil
}

// parseClaimRule reads one field.
func parseClaimRule(field, value string) (kind, claim, v string, err error) {
	kind, claim, ok := strings.Cut(field, ":")
	kind += ":"
	if !ok || kind != exactRule && kind != oneofRule && kind != prefixRule {
		return "", "", "", fault.New(fault.Invalid, "%.40q is not a field of a generic publisher: use claim:NAME, oneof:NAME, prefix:NAME, or a preset and its fields", field)
	}
	if claim == "" || len(claim) > maxRuleName || strings.ContainsAny(claim, " ,=") || HasControl(claim) {
		return "", "", "", fault.InField(field, "%.100q is not the name of a claim", claim)
	}
	if slices.Contains([]string{"iss", "aud", "exp", "iat", "nbf", "jti"}, lowerASCII(claim)) {
		return "", "", "", fault.InField(field, "claim %.40q is checked in any case and takes no rule", claim)
	}
	switch kind {
	case exactRule:
		v, err = parseClaimValue(claim, value)
	case oneofRule:
		kind, v, err = parseClaimList(claim, value)
	case prefixRule:
		v, err = parseClaimPrefix(claim, value)
	}
	return kind, claim, v, err
}

func parseClaimValue(claim, v string) (string, error) {
	if v == "" || len(v) > maxRuleValue || strings.TrimSpace(v) != v || HasControl(v) {
		return "", fault.New(fault.Invalid, "claim %s cannot have to be %.100q: a text of at most %d bytes, no blank at either end, no control characters", claim, v, maxRuleValue)
	}
	return v, nil
}

// parseClaimList reads a value a line. One alone is as good as exact.
func parseClaimList(claim, value string) (kind, v string, err error) {
	all := strings.Split(value, "\n")
	for _, v := range all {
		if _, err := parseClaimValue(claim, v); err != nil {
			return "", "", err
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > maxRuleList {
		return "", "", fault.New(fault.Invalid, "claim %s may be one of %d values; at most %d are compared", claim, len(all), maxRuleList)
	}
	if len(all) == 1 {
		return exactRule, all[0], nil
	}
	return oneofRule, strings.Join(all, "\n"), nil
}

// refClaims are the claims that may be compared by their beginning, and what the beginning has to hold so that it ends
// inside a ref: one that ended inside the name of a repository would let in its neighbours.
var refClaims = map[string]string{
	"ref": "refs/", "ref_path": "refs/", "rpo_ref": "refs/", "oidc.circleci.com/vcs-ref": "refs/",
	"workflow_ref": "@", "job_workflow_ref": "@", "build_branch": "", "build_tag": "", "branch": "", "tag": "",
}

func parseClaimPrefix(claim, v string) (string, error) {
	within, ok := refClaims[claim]
	if !ok {
		return "", fault.New(fault.Invalid, "claim %s cannot be compared by its beginning: only refs can (%s)", claim, strings.Join(slices.Sorted(maps.Keys(refClaims)), ", "))
	}
	if within == "refs/" {
		return parseRef("claim "+claim+" with", v)
	}
	stem, open := strings.CutSuffix(v, "*")
	if !open || stem == "" || strings.Contains(stem, "*") || !strings.Contains(stem, within) {
		return "", fault.New(fault.Invalid, "claim %s cannot begin with %.100q: write the beginning, with %q in it, and one * at the end", claim, v, within)
	}
	return parseClaimValue(claim, v)
}

func genericSentence(r Rule) string {
	var parts []string
	for _, field := range genericOrder(r) {
		kind, claim, _ := strings.Cut(field, ":")
		verb := " is "
		if kind+":" == prefixRule {
			verb = " fits "
		}
		parts = append(parts, claim+verb+strings.ReplaceAll(r.Fields[field], "\n", " or "))
	}
	return "jobs whose " + strings.Join(parts, ", ")
}
