package workload

import (
	"maps"
	"slices"
	"strings"
)

// pinSets are the claims that name one workload, project or repository of an issuer. A set counts where each of its
// claims has to be one of a few texts.
var pinSets = [][]string{
	{"sub"}, {"repository"}, {"repository_id"}, {"project_path"}, {"project_id"}, {"pipeline_id"},
	{"organization_slug", "pipeline_slug"}, {"oidc.circleci.com/project-id"}, {"prj_id"}, {"rpo_id"}, {"repo_slug"},
}

func pinNames() string {
	var names []string
	for _, set := range pinSets {
		names = append(names, strings.Join(set, " with "))
	}
	return strings.Join(names, ", ")
}

func pins(r Rule) bool {
	return slices.ContainsFunc(pinSets, func(set []string) bool {
		return !slices.ContainsFunc(set, func(claim string) bool { return !literal(r, claim) })
	})
}

// literal reports whether a claim has to be one of a few texts.
func literal(r Rule, claim string) bool {
	return r.Fields[exactRule+claim] != "" || r.Fields[oneofRule+claim] != ""
}

// genericOrder is the order of a rule's fields: what names the workload first.
func genericOrder(r Rule) []string {
	all := slices.Sorted(maps.Keys(r.Fields))
	slices.SortStableFunc(all, func(a, b string) int { return pinRank(a) - pinRank(b) })
	return all
}

func pinRank(field string) int {
	_, claim, _ := strings.Cut(field, ":")
	if field == prefixRule+claim {
		return len(pinSets)
	}
	for i, set := range pinSets {
		if slices.Contains(set, claim) {
			return i
		}
	}
	return len(pinSets)
}

// Admits implements Provider. Its errors are *Mismatch. One by a claim that names the workload says that the rule is not
// about this workload at all: it is never the nearest.
func (g Generic) Admits(r Rule, c Claims) error {
	if !pins(r) {
		return &Mismatch{Claim: "sub", Got: Show(c["sub"]), Why: "and the rule says nothing about it", Passed: -1}
	}
	for passed, field := range genericOrder(r) {
		m := claimFits(field, r.Fields[field], c)
		if m == nil {
			continue
		}
		if m.Passed = passed; pinRank(field) < len(pinSets) {
			m.Passed = -1
		}
		return m
	}
	return nil
}

// Differences implements Differ.
func (g Generic) Differences(r Rule, c Claims) []*Mismatch {
	var out []*Mismatch
	for _, field := range genericOrder(r) {
		if m := claimFits(field, r.Fields[field], c); m != nil {
			out = append(out, m)
		}
	}
	return out
}

func claimFits(field, want string, c Claims) *Mismatch {
	kind, claim, _ := strings.Cut(field, ":")
	got, m := text(c, claim)
	if m != nil {
		return m
	}
	fits := false
	switch kind + ":" {
	case exactRule:
		fits = got == want
	case oneofRule:
		fits = slices.Contains(strings.Split(want, "\n"), got)
	case prefixRule:
		fits = refFits(want, got)
	}
	if !fits || want == "" {
		return differs(claim, got, want)
	}
	return nil
}

// Suggest implements Suggester: the first claim that names the workload, and sub where there is no other.
func (Generic) Suggest(c Claims) map[string]string {
	for _, set := range append(slices.Clone(pinSets[1:]), pinSets[0]) {
		out := map[string]string{}
		for _, claim := range set {
			if v, ok := c[claim].(string); ok && v != "" {
				out[exactRule+claim] = v
			}
		}
		if len(out) == len(set) {
			return out
		}
	}
	return nil
}
