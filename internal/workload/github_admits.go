package workload

import "strings"

// githubJob is what a token says about a job, each claim of the type that GitHub sends.
type githubJob struct {
	repository, owner, ownerID string
	workflow                   string // job_workflow_ref
	event, ref, sha            string
	environment                string
	inEnvironment              bool
	claims                     Claims // for what only some rules ask
}

// githubCheck compares one claim with a rule; nil where it fits.
type githubCheck func(r Rule, j githubJob) *Mismatch

// githubChecks are in the order of identity: whose token it is, which workflow, then its circumstances.
// "sub" is not among them: organisations may give it any shape.
var githubChecks = []githubCheck{
	repositoryFits, ownerFits, ownerIDFits, repositoryIDFits, workflowFits, callerFits, eventFits, environmentFits, circumstancesFit,
}

// Admits implements Provider. Its errors are *Mismatch.
func (GitHub) Admits(r Rule, c Claims) error {
	j, m := readGitHubJob(c)
	if m != nil {
		return m
	}
	for passed, fits := range githubChecks {
		if m := fits(r, j); m != nil {
			m.Passed = passed
			return m
		}
	}
	return nil
}

// OwnerID implements Provider.
func (GitHub) OwnerID(r Rule, c Claims) string {
	return pinOf(r, c, "repository_owner_id", "repository_id")
}

// PinField implements Provider.
func (GitHub) PinField() string { return fieldOwnerID }

// NeedsTokenID implements Provider.
func (GitHub) NeedsTokenID() bool { return true }

func readGitHubJob(c Claims) (githubJob, *Mismatch) {
	j := githubJob{claims: c}
	for _, f := range []struct {
		claim string
		to    *string
		empty bool // allowed to be
	}{
		{"repository", &j.repository, false},
		{"repository_owner", &j.owner, false},
		{"repository_owner_id", &j.ownerID, false},
		{"job_workflow_ref", &j.workflow, false},
		{"event_name", &j.event, false},
		{"ref", &j.ref, true},
		{"sha", &j.sha, true},
	} {
		s, ok := c[f.claim].(string)
		if !ok || s == "" && !f.empty {
			return j, wrong(f.claim, c[f.claim], "but must be a string that says something")
		}
		*f.to = s
	}
	if v, ok := c["environment"]; ok {
		if j.environment, j.inEnvironment = v.(string); !j.inEnvironment {
			return j, wrong("environment", v, "but must be a string where it is there")
		}
	}
	return j, checkGitHubShapes(j)
}

// checkGitHubShapes refuses values that GitHub never sends, so that nothing hangs on how they would compare.
func checkGitHubShapes(j githubJob) *Mismatch {
	if !decimalID.MatchString(j.ownerID) {
		return wrong("repository_owner_id", j.ownerID, "not a decimal number")
	}
	if j.ref == "" && j.sha == "" {
		return wrong("ref", j.ref, "and sha is empty too")
	}
	if j.ref != "" && !strings.HasPrefix(j.ref, "refs/") {
		return wrong("ref", j.ref, "not a full name that begins with refs/")
	}
	if strings.ContainsAny(j.sha, "@/") {
		return wrong("sha", j.sha, "not a commit")
	}
	return nil
}

func repositoryFits(r Rule, j githubJob) *Mismatch {
	if want := r.Fields[FieldOwner] + "/" + r.Fields[fieldRepository]; lowerASCII(j.repository) != want {
		return differs("repository", j.repository, want)
	}
	return nil
}

func ownerFits(r Rule, j githubJob) *Mismatch {
	if want := r.Fields[FieldOwner]; lowerASCII(j.owner) != want {
		return differs("repository_owner", j.owner, want)
	}
	return nil
}

// ownerIDFits lets any account be the first one of a rule that is not pinned; the exchange pins it.
func ownerIDFits(r Rule, j githubJob) *Mismatch {
	if owner, _, _ := strings.Cut(r.OwnerID, "/"); owner != "" && j.ownerID != owner {
		return differs("repository_owner_id", j.ownerID, owner)
	}
	return nil
}

func repositoryIDFits(r Rule, j githubJob) *Mismatch {
	return repositoryPinFits(r, j.claims, "repository_id")
}

// workflowFits builds the two values that the claim may have, rather than taking the claim apart: file names, branches
// and tags may all hold "@", ".yml" and "/". GitHub tells the letters of paths and refs apart, not those of accounts and
// repositories.
func workflowFits(r Rule, j githubJob) *Mismatch {
	if r.Fields[FieldWorkflowRepository] != "" {
		return foreignWorkflowFits(r, j)
	}
	repository := r.Fields[FieldOwner] + "/" + r.Fields[fieldRepository]
	path := "/.github/workflows/" + r.Fields[fieldWorkflow]
	if len(j.workflow) > len(repository) && lowerASCII(j.workflow[:len(repository)]) == repository {
		rest := j.workflow[len(repository):]
		if j.ref != "" && rest == path+"@"+j.ref || j.sha != "" && rest == path+"@"+j.sha {
			return nil
		}
	}
	return differs("job_workflow_ref", j.workflow, repository+path+"@ followed by the token's own ref or sha")
}

// eventFits refuses pull_request_target: it runs with the secrets of the repository on the say of a stranger.
func eventFits(_ Rule, j githubJob) *Mismatch {
	if lowerASCII(strings.TrimSpace(j.event)) == "pull_request_target" {
		return wrong("event_name", j.event, "which may never publish: strangers can start it")
	}
	return nil
}

func environmentFits(r Rule, j githubJob) *Mismatch {
	want := r.Fields[FieldEnvironment]
	if want == "" || j.inEnvironment && lowerASCII(j.environment) == want {
		return nil
	}
	if !j.inEnvironment {
		return &Mismatch{Claim: "environment", Got: Show(nil), Want: Show(want)}
	}
	return differs("environment", j.environment, want)
}

func differs(claim, got, want string) *Mismatch {
	return &Mismatch{Claim: claim, Got: Show(got), Want: Show(want)}
}

func wrong(claim string, got any, why string) *Mismatch {
	return &Mismatch{Claim: claim, Got: Show(got), Why: why}
}
