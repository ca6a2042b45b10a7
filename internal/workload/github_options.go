package workload

import (
	"regexp"
	"strings"

	"pyindex/internal/fault"
)

// The optional fields that only GitHub's rules have.
const (
	fieldCaller             = "calling_workflow"    // file name of the workflow that calls a reusable one
	FieldWorkflowRepository = "workflow_repository" // "owner/name" of a reusable workflow that lies elsewhere
	FieldWorkflowAt         = "workflow_at"         // which version of it
)

// githubOptions are in the order in which people read them.
var githubOptions = []option{
	{field: FieldWorkflowRepository, parse: parseWorkflowRepository, say: "which lies in"},
	{field: FieldWorkflowAt, parse: parseWorkflowAt, say: "there at"},
	{field: fieldCaller, parse: parseGitHubWorkflow, say: "called by workflow"},
	{field: fieldRef, claim: "ref", parse: parseRef, fits: refFits, say: "only from"},
	{field: fieldRefProtected, claim: "ref_protected", parse: parseTrue, fits: equal, say: "protected refs only", alone: true},
	{field: fieldEvents, claim: "event_name", parse: parseGitHubEvents, fits: listed, say: "only on"},
	{field: fieldRunner, claim: "runner_environment", parse: parseWord, fits: equal, say: "on runners that are"},
	{field: FieldRepositoryID, parse: parseRepositoryID, say: "repository id"},
}

var commit = regexp.MustCompile(`\A[0-9a-f]{40}(?:[0-9a-f]{24})?\z`)

func parseWorkflowRepository(field, s string) (string, error) {
	owner, name, _ := strings.Cut(s, "/")
	if !githubOwner.MatchString(owner) || !githubRepository.MatchString(name) || name == "." || name == ".." {
		return "", fault.InField(field, "%s %.100q is not owner/name", field, s)
	}
	return lowerASCII(s), nil
}

func parseWorkflowAt(field, s string) (string, error) {
	if commit.MatchString(s) {
		return s, nil
	}
	return parseRef(field, s)
}

func parseGitHubEvents(field, s string) (string, error) {
	s, err := parseWords(field, s)
	if err == nil && listed(s, "pull_request_target") {
		err = fault.InField(field, "%s: pull_request_target may never publish, because strangers can start it", field)
	}
	return s, err
}

// checkGitHubOptions refuses fields that need each other and are not all there.
func checkGitHubOptions(r Rule) error {
	if (r.Fields[FieldWorkflowRepository] == "") != (r.Fields[FieldWorkflowAt] == "") {
		lacking := FieldWorkflowAt
		if r.Fields[FieldWorkflowAt] != "" {
			lacking = FieldWorkflowRepository
		}
		return fault.InField(lacking, "workflow_repository and workflow_at go together: a workflow of another repository is trusted at a ref or commit, not in whatever state it is")
	}
	if r.OwnerID != "" && r.Fields[FieldRepositoryID] == FirstToken {
		return fault.InField(fieldOwnerID, "repository_id %s takes the owner's id from the first token too: leave owner_id out, or type both", FirstToken)
	}
	return nil
}

func githubWorkflowName(r Rule) string {
	if r.Fields[FieldWorkflowRepository] == "" {
		return r.Fields[fieldWorkflow]
	}
	return "(reusable) " + r.Fields[fieldWorkflow]
}

// foreignWorkflowFits is for a reusable workflow of another repository, whose ref is not the job's own.
func foreignWorkflowFits(r Rule, j githubJob) *Mismatch {
	want := r.Fields[FieldWorkflowRepository] + "/.github/workflows/" + r.Fields[fieldWorkflow] + "@"
	at, ok := afterRepository(j.workflow, r.Fields[FieldWorkflowRepository], want)
	if !ok || !refFits(r.Fields[FieldWorkflowAt], at) {
		return differs("job_workflow_ref", j.workflow, want+r.Fields[FieldWorkflowAt])
	}
	return nil
}

// callerFits is for a rule that names the workflow with which the run began.
func callerFits(r Rule, j githubJob) *Mismatch {
	if r.Fields[fieldCaller] == "" {
		return nil
	}
	repository := r.Fields[FieldOwner] + "/" + r.Fields[fieldRepository]
	want := repository + "/.github/workflows/" + r.Fields[fieldCaller] + "@"
	got, _ := j.claims["workflow_ref"].(string)
	at, ok := afterRepository(got, repository, want)
	if ok && at != "" && (at == j.ref || at == j.sha) {
		return nil
	}
	return &Mismatch{Claim: "workflow_ref", Got: Show(j.claims["workflow_ref"]), Want: Show(want + " followed by the token's own ref or sha")}
}

// afterRepository cuts want, which begins with a repository, off the front of got. Only the repository's letters may be
// large or small.
func afterRepository(got, repository, want string) (rest string, ok bool) {
	if len(got) < len(repository) || lowerASCII(got[:len(repository)]) != repository {
		return "", false
	}
	return strings.CutPrefix(got[len(repository):], want[len(repository):])
}

func circumstancesFit(r Rule, j githubJob) *Mismatch { return optionsFit(githubOptions, r, j.claims) }
