package workload

import (
	"slices"
	"strings"
)

// banned are the checks that refuse a token whatever its rule says, for rules on claims and for the kinds of platforms
// whose issuers may have them: nobody means to trust those jobs. Each concerns only the tokens of platforms that have
// its claim.
var banned = slices.Concat([]check{notPullRequestTarget, noShell, noDebugJob}, gitlabNever)

// notPullRequestTarget refuses the event pull_request_target of GitHub and Forgejo, which lets strangers start a run
// with the identity of the repository.
func notPullRequestTarget(_ Rule, c Claims) *Mismatch {
	if m := noText(c, "event_name"); m != nil {
		return m
	}
	if event := text(c, "event_name"); lowerASCII(strings.TrimSpace(event)) == "pull_request_target" {
		return wrong("event_name", event, "which may never publish: strangers can start it")
	}
	return nil
}

// noText refuses a claim that is present and not a string, because its meaning is unknown.
func noText(c Claims, claim string) *Mismatch {
	v, ok := c[claim]
	if _, isText := v.(string); !ok || isText {
		return nil
	}
	return wrong(claim, v, "but must be a string")
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

// gitlabNever are the checks of where a GitLab job comes from.
var gitlabNever = []check{ownProject, noForkMergeRequest, noPolicyJob}

// ownProject refuses a job that runs in another project than the one that its token names, as those of merge requests
// from forks do. GitLab 18.4 and later say where a job runs.
func ownProject(_ Rule, c Claims) *Mismatch {
	in, ok := c["job_project_id"]
	if !ok || !isGitLab(c) {
		return nil
	}
	if id := text(c, "project_id"); id == "" || in != any(id) {
		return wrong("job_project_id", in, "but must be the same as project_id: "+
			"the job runs in another project, as for a merge request from a fork")
	}
	return nil
}

// noForkMergeRequest refuses merge requests of a GitLab that does not say where the job runs, unless the rule names the
// event: until 2025, the token for a fork's branch named the parent project.
func noForkMergeRequest(r Rule, c Claims) *Mismatch {
	if m := noText(c, "pipeline_source"); m != nil && isGitLab(c) {
		return m
	}
	_, told := c["job_project_id"]
	event := text(c, "pipeline_source")
	foreign := slices.Contains(onlyByName["pipeline_source"], event)
	if told || !foreign || !isGitLab(c) || namesValue(r, fieldEvents, "pipeline_source", event) {
		return nil
	}
	return wrong("pipeline_source", event,
		"and this GitLab does not say (job_project_id) whether the code is from a fork: "+
			"only a publisher whose events name it accepts it")
}

// noPolicyJob refuses jobs that a policy added to the pipeline, unless the rule names that source: they are not in the
// pipeline file.
func noPolicyJob(r Rule, c Claims) *Mismatch {
	if m := noText(c, "job_source"); m != nil && isGitLab(c) {
		return m
	}
	source := text(c, "job_source")
	policy := slices.Contains(onlyByName["job_source"], source)
	if !policy || !isGitLab(c) || namesValue(r, fieldJobSource, "job_source", source) {
		return nil
	}
	return wrong("job_source", source, "so a policy added the job, and it is not in the pipeline file: "+
		"only a publisher whose job_source names it accepts it")
}

// onlyByName lists the values of claims that a rule admits only if it names them: a rule without them is not wider.
var onlyByName = map[string][]string{
	"pipeline_source": {"merge_request_event", "external_pull_request_event"},
	"job_source":      {"pipeline_execution_policy", "scan_execution_policy"},
}

// Widens reports whether a rule that gets a field with a value admits jobs that it refused without the field.
func (k *Kind) Widens(field, v string) bool {
	f, ok := k.Field(field)
	claim := f.Claim
	if _, name, open := strings.Cut(field, ":"); !ok && open && k.open != nil {
		claim = name
	}
	return slices.ContainsFunc(strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\n' }),
		func(v string) bool { return slices.Contains(onlyByName[claim], strings.TrimSpace(v)) })
}

// isGitLab reports whether claims are those of a GitLab job.
func isGitLab(c Claims) bool {
	_, ok := c["project_path"]
	return ok
}

// namesValue reports whether a rule allows a value of a claim by name, in a field with a list or as a rule on claims.
func namesValue(r Rule, field, claim, v string) bool {
	return listed(r.Fields[field], v) || r.Fields[exactRule+claim] == v ||
		slices.Contains(strings.Split(r.Fields[oneofRule+claim], "\n"), v)
}
