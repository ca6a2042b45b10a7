package workload

import (
	"fmt"
	"regexp"
	"strings"

	"pyindex/internal/fault"
)

// GitHubIssuer signs the identity tokens of GitHub Actions on github.com.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// GitHub knows the claims of GitHub Actions.
type GitHub struct{}

var _ Provider = GitHub{}

// Name implements Provider.
func (GitHub) Name() string { return "github" }

// Issuer is the issuer that is meant where none is named.
func (GitHub) Issuer() string { return GitHubIssuer }

// The fields of a rule. The owner's id is apart, as Rule.OwnerID, because it may be learnt later.
const (
	FieldOwner       = "owner"
	fieldRepository  = "repository"
	fieldWorkflow    = "workflow"
	FieldEnvironment = "environment"
	fieldOwnerID     = "owner_id"
)

var (
	githubOwner      = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9-]{0,99}\z`)
	githubRepository = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,100}\z`)
	githubFullName   = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}\z`)
	decimalID        = regexp.MustCompile(`\A[1-9][0-9]{0,18}\z`)
)

// Compile implements Provider. Owner, repository, environment and the id's digits become normal; the workflow's file
// name stays as typed, because GitHub tells its letters apart.
func (GitHub) Compile(fields map[string]string) (Rule, error) {
	for name := range fields {
		if !isGitHubField(name) {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of a github publisher: use owner, repository, workflow, environment, owner_id and, to be stricter, %s", name, optionNames(githubOptions))
		}
	}
	r := Rule{Fields: map[string]string{}, OwnerID: fields[fieldOwnerID]}
	for _, f := range githubFields {
		v, err := f.parse(fields[f.name])
		if err != nil {
			return Rule{}, err
		}
		r.Fields[f.name] = v
	}
	if err := parseOptions(githubOptions, fields, r); err != nil {
		return Rule{}, err
	}
	if err := checkGitHubOptions(r); err != nil {
		return Rule{}, err
	}
	if r.OwnerID != "" && !decimalID.MatchString(r.OwnerID) {
		return Rule{}, fault.InField(fieldOwnerID, "owner_id %.40q is not a number: it is the account's id, as https://api.github.com/users/OWNER shows it", r.OwnerID)
	}
	r.Lookup = r.Fields[FieldOwner] + "/" + r.Fields[fieldRepository]
	r.Sentence = githubSentence(r)
	return r, nil
}

// githubFields says how each field is read, in the order in which people type them.
var githubFields = []struct {
	name  string
	parse func(string) (string, error)
}{
	{FieldOwner, parseGitHubOwner},
	{fieldRepository, parseGitHubRepository},
	{fieldWorkflow, func(s string) (string, error) { return parseGitHubWorkflow(fieldWorkflow, s) }},
	{FieldEnvironment, parseGitHubEnvironment},
}

func isGitHubField(name string) bool {
	for _, f := range githubFields {
		if f.name == name {
			return true
		}
	}
	return name == fieldOwnerID || isOption(githubOptions, name)
}

func parseGitHubOwner(s string) (string, error) {
	if !githubOwner.MatchString(s) {
		return "", fault.InField(FieldOwner, "owner %.100q is not a GitHub account: letters, digits and '-', beginning with a letter or digit", s)
	}
	return lowerASCII(s), nil
}

func parseGitHubRepository(s string) (string, error) {
	if !githubRepository.MatchString(s) || s == "." || s == ".." {
		return "", fault.InField(fieldRepository, "repository %.100q is not a repository's name: letters, digits, '-', '_' and '.', without its owner", s)
	}
	return lowerASCII(s), nil
}

// parseGitHubWorkflow wants the file's name alone: workflows lie in .github/workflows and nowhere below.
func parseGitHubWorkflow(field, s string) (string, error) {
	s = strings.TrimSpace(s)
	stem, isYML := strings.CutSuffix(s, ".yml")
	if !isYML {
		stem, isYML = strings.CutSuffix(s, ".yaml")
	}
	if !isYML || stem == "" || len(s) > 255 || strings.ContainsAny(s, `/\`) || HasControl(s) {
		return "", fault.InField(field, "%s %.100q is not a workflow's file name: only the name, without folders, ending in .yml or .yaml", field, s)
	}
	return s, nil
}

func parseGitHubEnvironment(s string) (string, error) {
	if len(s) > 255 || strings.TrimSpace(s) != s || HasControl(s) || strings.ContainsAny(s, "'\"`,;\\") {
		return "", fault.InField(FieldEnvironment, "environment %.100q cannot be one: at most 255 bytes, no blank at either end, none of ' \" ` , ; \\", s)
	}
	return lowerASCII(s), nil
}

func githubSentence(r Rule) string {
	s := fmt.Sprintf("workflow %s in %s", githubWorkflowName(r), r.Lookup)
	if e := r.Fields[FieldEnvironment]; e != "" {
		s += ", environment " + e
	}
	return s + sayOptions(githubOptions, r)
}

// Lookup implements Provider: "owner/repository" in lower case.
func (GitHub) Lookup(c Claims) (string, error) {
	name, ok := c["repository"].(string)
	if !ok || !githubFullName.MatchString(name) {
		return "", fault.Wrap(fault.Invalid, &Mismatch{Claim: "repository", Got: Show(c["repository"]), Why: "not owner/name"},
			"claim repository is %s, not owner/name", Show(c["repository"]))
	}
	return lowerASCII(name), nil
}

func HasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\ufffd' })
}

// lowerASCII lowers A to Z and nothing else. Unicode would also make the Kelvin sign a "k", and an environment of that
// name is another one, which whoever may edit a workflow can have without its protection.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
