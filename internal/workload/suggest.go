package workload

import (
	"slices"
	"strings"
	"unicode"

	"pyindex/internal/fault"
)

// Suggester is a Provider that can say which publisher would accept a workload.
type Suggester interface {
	// Suggest returns the fields of the narrowest rule for these claims, as Compile takes them; nil where they are not those
	// of a workload that the provider knows.
	Suggest(c Claims) map[string]string
}

// Suggest returns the fields of a publisher that would accept the workload of these claims: those of Suggester, asked of
// the provider itself. They may be of anybody's choosing, so whoever shows them quotes them. fault.Invalid says why there
// is none.
func Suggest(p Provider, c Claims) (map[string]string, error) {
	s, ok := p.(Suggester)
	if !ok {
		return nil, fault.New(fault.Invalid, "this index cannot read a publisher of kind %s off a token's claims", p.Name())
	}
	fields := s.Suggest(c)
	if fields == nil {
		return nil, fault.New(fault.Invalid, "the claims are not those of a workload that a publisher of kind %s could accept", p.Name())
	}
	for name, v := range fields {
		if v == "" {
			delete(fields, name)
		}
		if strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return nil, fault.New(fault.Invalid, "%s %.100q cannot be shown safely", name, v)
		}
	}
	rule, err := p.Compile(fields)
	if err != nil {
		return nil, err
	}
	if lookup, err := p.Lookup(c); err != nil || lookup != rule.Lookup {
		return nil, fault.New(fault.Invalid, "the claims do not say clearly whose workload it is")
	}
	if err := p.Admits(rule, c); err != nil {
		return nil, fault.New(fault.Invalid, "no publisher of kind %s can accept it: %v", p.Name(), AsMismatch(err))
	}
	return fields, nil
}

var (
	_ Suggester = GitHub{}
	_ Differ    = GitHub{}
)

// Suggest implements Suggester. The rule names the account's id too, so that it is pinned at once, and, where the job is
// in a reusable workflow of another repository, that workflow's version and its caller.
func (GitHub) Suggest(c Claims) map[string]string {
	full, _ := c["repository"].(string)
	owner, repository, ok := strings.Cut(full, "/")
	ref, _ := c["job_workflow_ref"].(string)
	place, rest, isWorkflow := strings.Cut(ref, githubWorkflows)
	if !ok || !isWorkflow {
		return nil
	}
	out := map[string]string{FieldOwner: owner, fieldRepository: repository}
	out[FieldEnvironment], _ = c["environment"].(string)
	out[fieldOwnerID], _ = c["repository_owner_id"].(string)
	if lowerASCII(place) == lowerASCII(full) {
		out[fieldWorkflow] = githubWorkflowFile(rest, c)
		return out
	}
	out[FieldWorkflowRepository] = place
	out[fieldWorkflow], out[FieldWorkflowAt] = cutLast(rest, "@")
	caller, _ := c["workflow_ref"].(string)
	_, caller, _ = strings.Cut(caller, githubWorkflows)
	out[fieldCaller] = githubWorkflowFile(caller, c)
	return out
}

const githubWorkflows = "/.github/workflows/"

// githubWorkflowFile takes the token's own ref or commit off "release.yml@refs/heads/main"; file names and refs may hold
// any of these signs themselves.
func githubWorkflowFile(s string, c Claims) string {
	for _, claim := range []string{"ref", "sha"} {
		at, _ := c[claim].(string)
		if file, ok := strings.CutSuffix(s, "@"+at); ok && at != "" {
			return file
		}
	}
	return s
}

func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(sep):]
}

// Differences implements Differ.
func (GitHub) Differences(r Rule, c Claims) []*Mismatch {
	j, m := readGitHubJob(c)
	if m != nil {
		return []*Mismatch{m}
	}
	var out []*Mismatch
	for _, fits := range githubChecks {
		out = noteDifference(out, fits(r, j))
	}
	return optionDifferences(out, githubOptions, r, c)
}

// optionDifferences are out and the claims by which c differs from the optional fields of a rule.
func optionDifferences(out []*Mismatch, all []option, r Rule, c Claims) []*Mismatch {
	for _, o := range all {
		out = noteDifference(out, optionsFit([]option{o}, r, c))
	}
	return out
}

// noteDifference adds m, once for a claim.
func noteDifference(out []*Mismatch, m *Mismatch) []*Mismatch {
	if m == nil || slices.ContainsFunc(out, func(o *Mismatch) bool { return o.Claim == m.Claim }) {
		return out
	}
	return append(out, m)
}
