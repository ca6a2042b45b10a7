package workload

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// GitLabIssuer signs the identity tokens of gitlab.com. A self-managed GitLab signs under its own URL.
const GitLabIssuer = "https://gitlab.com"

// GitLab knows the claims of GitLab CI/CD, on gitlab.com and where somebody runs it.
type GitLab struct{}

var _ Provider = GitLab{}

// The fields that only GitLab's rules have.
const (
	fieldNamespace   = "namespace"
	fieldProject     = "project"
	fieldFilepath    = "workflow_filepath"
	fieldNamespaceID = "namespace_id"
	FieldProjectID   = "project_id"
)

var (
	gitlabSegment     = regexp.MustCompile(`\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\z`)
	gitlabEnvironment = regexp.MustCompile(`\A[A-Za-z0-9_/${}. -]{1,255}\z`)
)

// gitlabRequired are the fields that every rule has; an environment is among them, because rules with and without one
// are told apart by it.
var gitlabRequired = []struct {
	name  string
	parse func(string) (string, error)
}{
	{fieldNamespace, parseGitLabNamespace},
	{fieldProject, parseGitLabProject},
	{fieldFilepath, parseGitLabFilepath},
	{FieldEnvironment, parseGitLabEnvironment},
}

var gitlabOptions = []option{
	{field: fieldRef, claim: "ref_path", parse: parseRef, fits: refFits, say: "only from"},
	{field: fieldRefProtected, claim: "ref_protected", parse: parseTrue, fits: equal, say: "protected refs only", alone: true},
	{field: fieldEvents, claim: "pipeline_source", parse: parseWords, fits: listed, say: "only on"},
	{field: fieldRunner, claim: "runner_environment", parse: parseWord, fits: equal, say: "on runners that are"},
	{field: FieldRepositoryID, parse: func(_, s string) (string, error) { return parseRepositoryID(FieldProjectID, s) }, say: "project id"},
}

// Name implements Provider.
func (GitLab) Name() string { return "gitlab" }

// Issuer implements Provider.
func (GitLab) Issuer() string { return GitLabIssuer }

// PinField implements Provider.
func (GitLab) PinField() string { return fieldNamespaceID }

// NeedsTokenID implements Provider.
func (GitLab) NeedsTokenID() bool { return true }

// Compile implements Provider. GitLab takes small and large letters of namespaces and projects for the same, and tells
// those of files, refs and environments apart.
func (GitLab) Compile(fields map[string]string) (Rule, error) {
	given := gitlabAliases(fields)
	for name := range given {
		if !isGitLabField(name) {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of a gitlab publisher: use namespace, project, workflow_filepath, environment, namespace_id, project_id and, to be stricter, ref, ref_protected, events, runner_environment", name)
		}
	}
	r := Rule{Fields: map[string]string{}, OwnerID: given[fieldNamespaceID]}
	for _, f := range gitlabRequired {
		v, err := f.parse(given[f.name])
		if err != nil {
			return Rule{}, err
		}
		r.Fields[f.name] = v
	}
	if err := parseOptions(gitlabOptions, given, r); err != nil {
		return Rule{}, err
	}
	if r.OwnerID != "" && !decimalID.MatchString(r.OwnerID) {
		return Rule{}, fault.InField(fieldNamespaceID, "namespace_id %.40q is not a number: it is the id of the group or user", r.OwnerID)
	}
	if r.OwnerID != "" && r.Fields[FieldRepositoryID] == FirstToken {
		return Rule{}, fault.InField(fieldNamespaceID, "project_id %s takes the namespace's id from the first token too: leave namespace_id out, or type both", FirstToken)
	}
	r.Lookup = r.Fields[fieldNamespace] + "/" + r.Fields[fieldProject]
	r.Sentence = gitlabSentence(r)
	return r, nil
}

// gitlabAliases calls a project's id what the rows call it, as other kinds call a repository's.
func gitlabAliases(fields map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range fields {
		if name == FieldProjectID {
			name = FieldRepositoryID
		}
		out[name] = v
	}
	return out
}

func isGitLabField(name string) bool {
	for _, f := range gitlabRequired {
		if f.name == name {
			return true
		}
	}
	return name == fieldNamespaceID || isOption(gitlabOptions, name)
}

func parseGitLabNamespace(s string) (string, error) {
	parts := strings.Split(s, "/")
	if len(s) > 512 || len(parts) > 21 || slices.ContainsFunc(parts, func(p string) bool { return !isGitLabSegment(p) }) {
		return "", fault.InField(fieldNamespace, "namespace %.100q is not a group or user on GitLab, with its subgroups as group/subgroup", s)
	}
	return lowerASCII(s), nil
}

func parseGitLabProject(s string) (string, error) {
	if !isGitLabSegment(s) {
		return "", fault.InField(fieldProject, "project %.100q is not the project's name in its URL, without the namespace", s)
	}
	return lowerASCII(s), nil
}

// isGitLabSegment keeps to GitLab's rules for a part of a path, so far as another part could be mistaken for it.
func isGitLabSegment(s string) bool {
	low := lowerASCII(s)
	return gitlabSegment.MatchString(s) && !strings.HasSuffix(s, ".") && !strings.HasSuffix(low, ".git") && !strings.HasSuffix(low, ".atom")
}

// parseGitLabFilepath wants the file of the pipeline as it lies in the project: a file of another project or of a URL,
// which GitLab allows, is nobody's of this project to trust.
func parseGitLabFilepath(s string) (string, error) {
	s = strings.TrimSpace(s)
	named := strings.HasSuffix(s, ".yml") || strings.HasSuffix(s, ".yaml")
	odd := slices.ContainsFunc(strings.Split(s, "/"), func(p string) bool { return p == "" || p == "." || p == ".." })
	if !named || odd || len(s) > 255 || HasControl(s) || strings.ContainsAny(s, `\:`) || s == ".yml" || s == ".yaml" {
		return "", fault.InField(fieldFilepath, "workflow_filepath %.100q is not the path of a pipeline's file: from the project's root, as .gitlab-ci.yml or ci/release.yml", s)
	}
	return s, nil
}

func parseGitLabEnvironment(s string) (string, error) {
	if s != "" && (!gitlabEnvironment.MatchString(s) || strings.TrimSpace(s) != s) {
		return "", fault.InField(FieldEnvironment, "environment %.100q cannot be one: letters, digits, blanks inside, and - _ / $ { } .", s)
	}
	return s, nil
}

func gitlabSentence(r Rule) string {
	s := fmt.Sprintf("pipeline %s in %s", r.Fields[fieldFilepath], r.Lookup)
	if e := r.Fields[FieldEnvironment]; e != "" {
		s += ", environment " + e
	}
	return s + sayOptions(gitlabOptions, r)
}

// gitlabHost is the host as GitLab writes it into ci_config_ref_uri: with the port where it is not the usual one.
func gitlabHost(c Claims) string {
	iss, _ := c["iss"].(string)
	u, err := url.Parse(iss)
	if err != nil {
		return ""
	}
	usual := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return lowerASCII(strings.TrimSuffix(u.Host, usual))
}
