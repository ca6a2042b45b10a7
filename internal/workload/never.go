package workload

import "strings"

// banned are the checks that refuse a token whatever its rule says, also a rule on claims: nobody means to trust those
// jobs. Each concerns only the tokens of platforms that have its claim.
var banned = []check{notPullRequestTarget, noShell, noDebugJob}

// notPullRequestTarget refuses the event pull_request_target of GitHub and Forgejo, which lets strangers start a run with the
// identity of the repository.
func notPullRequestTarget(_ Rule, c Claims) *Mismatch {
	if event := text(c, "event_name"); lowerASCII(strings.TrimSpace(event)) == "pull_request_target" {
		return wrong("event_name", event, "which may never publish: strangers can start it")
	}
	return nil
}

// noShell refuses a CircleCI job that somebody started again with SSH access.
func noShell(r Rule, c Claims) *Mismatch {
	if _, ok := c[circleciShell]; !ok {
		return nil
	}
	return circleciNoShell(r, c)
}

// noDebugJob refuses Semaphore's debug jobs, in which somebody has a shell.
func noDebugJob(_ Rule, c Claims) *Mismatch {
	_, project := c["prj_id"]
	v, ok := c["job_type"]
	if !project || !ok || v == "pipeline_job" {
		return nil
	}
	return wrong("job_type", v, "but must be pipeline_job: a job in which somebody has a shell is not trusted")
}
