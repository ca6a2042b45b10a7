package workload

import (
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// GitLabIssuer signs the identity tokens of gitlab.com. A self-managed GitLab uses its own URL as the issuer.
const GitLabIssuer = "https://gitlab.com"

// gitlabTimeout is the longest timeout of a job, a month. A job's token is valid as long as the job may run.
const gitlabTimeout = 31 * 24 * time.Hour

var (
	gitlabSegment     = newPattern(`\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\z`)
	gitlabEnvironment = newPattern(`\A[A-Za-z0-9_/${}.-](?:[A-Za-z0-9_/${}. -]{0,253}[A-Za-z0-9_/${}.-])?\z`)
)

// GitLab identifies jobs of GitLab CI/CD, on gitlab.com and on self-managed servers. Like GitLab, it ignores the case
// of namespaces and projects, and compares files, refs and environments case-sensitively.
var GitLab = &Kind{
	name: "gitlab", Short: "GitLab", Title: "GitLab CI/CD", Help: "A GitLab CI/CD pipeline.",
	issuer: GitLabIssuer, numbered: true, life: gitlabTimeout, pin: "namespace_id", key: []string{"namespace", "project"},
	sentence: "pipeline {workflow_filepath} in {namespace/project}(, environment {environment}), on @",
	Fields: []Field{
		{
			Name: "namespace", Label: "Namespace", Example: "acme", Required: true,
			Help:    "The group or user that owns the project, with subgroups: acme or acme/libs. You can paste the project's URL.",
			Pattern: "parts of a GitLab path, with '/' between",
			parse:   parseGitLabNamespace,
		},
		{
			Name: "project", Label: "Project", Example: "widgets", Required: true,
			Help: "The project's name in its URL on GitLab, without the namespace.", Pattern: nameWords,
			parse: parseGitLabProject,
		},
		{
			Name: "workflow_filepath", Label: "Pipeline file", Example: ".gitlab-ci.yml", Required: true,
			Default: ".gitlab-ci.yml",
			Help:    "The pipeline file's path from the project's root.", Pattern: "a path that ends in .yml or .yaml",
			parse: parseGitLabFile,
		},
		{
			Name: FieldEnvironment, Label: "Environment", Example: "pypi", Recommended: true, Claim: "environment",
			Help: "The environment of the job that publishes, case-sensitive. Protect it in the project's settings to limit who may deploy to it. " +
				"Without an environment, everyone who may push a branch may publish.",
			Pattern: "letters, digits, blanks inside, and - _ . / $ { }", Tighten: "Require this environment",
			parse: matching(gitlabEnvironment, "is not valid: use letters, digits, blanks inside, and - _ / $ { } ."),
			fits:  asText(equal),
		},
		refField("ref_path", "the project"), protectedField("GitLab"), gitlabEvents(),
		runnerField("gitlab-hosted"),
		{
			Name: fieldJobSource, Label: "Job sources", Example: "push", Stricter: true, List: true, Claim: "job_source",
			Help: "Only jobs that these sources added to the pipeline (claim job_source of GitLab 18.9 and later), " +
				"separated by commas. Jobs that a policy added (pipeline_execution_policy, scan_execution_policy) are not in " +
				"the pipeline file, and are accepted only if they are named here.",
			Pattern: "comma-separated words of lower-case letters, '-' and '_'",
			parse:   parseWords, fits: asText(listed), say: phrase(", jobs from ", ""),
		},
		{
			Name: "namespace_id", Label: "Namespace ID", Example: "72", Stricter: true, ID: true, Claim: "namespace_id",
			Help: "The namespace's ID does not change when someone else takes over its name. " +
				"The index takes it from the first accepted token. Enter it to be sure: " +
				"the page of the group shows it as Group ID.",
			Pattern: "a number", Tighten: "Pin to this namespace",
			parse: matching(decimalID, "is not a number: it is the id of the group or user"),
		},
		{
			Name: "project_id", Stored: fieldRepositoryID, Label: "Project ID", Example: "20", Stricter: true,
			Claim: "project_id", ID: true,
			Help: "Excludes a project that is recreated under this name. " +
				"Enter “first” to use the IDs in the first accepted token.",
			Pattern: "a number, or the word first", Tighten: "Pin to this project", parse: parseRepositoryID,
			say: numbered("project"),
		},
	},
	claims: []string{"project_path", "namespace_id", "sub", "ci_config_ref_uri"},
	renames: forgeRenaming(
		"namespace", "project", "project_path", "namespace", "project", "namespace_id", "project_id",
	),
	lookup: lookupGitLab, suggest: suggestGitLab, remedy: gitlabRemedy, never: gitlabNever,
	shape: []check{
		gitlabFileKnown, present("ref_path"), present("sha"), fullRef("ref_path"), plainCommit, textIfAny("environment"),
	},
	checks: []check{
		folds("project_path", "namespace", "project"), pinned("namespace_id", decimalID, "not a decimal number"),
		numberFits("project_id"),
		gitlabSubjectFits, gitlabPipelineFits,
	},
	run: runClaims{workload: []string{"project_path"}, ref: "ref_path", word: "job", id: "job_id", path: "/-/jobs/"},
	warn: func(fields map[string]string, ownerID string) []Warning {
		return forgeWarnings(fields, ownerID, forge{
			place: fields["namespace"] + "/" + fields["project"], account: "the namespace " + fields["namespace"],
			thing: "project",
			file:  fields["workflow_filepath"], pin: "namespace_id", id: "project_id", hosted: "gitlab-hosted",
		})
	},
}

// gitlabSources are the values of pipeline_source.
var gitlabSources = []string{
	"push", "web", "webide", "schedule", "api", "trigger", "pipeline", "parent_pipeline", "merge_request_event",
	"external_pull_request_event", "chat", "external", "container_registry_push", "duo_workflow", "ondemand_dast_scan",
	"ondemand_dast_validation", "security_orchestration_policy", "pipeline_execution_policy_forced",
	"pipeline_execution_policy_schedule", "security_policies_default_source", "unknown",
}

func gitlabEvents() Field {
	f := eventsField("pipeline_source", parseWords)
	f.known = gitlabSources
	return f
}

func parseGitLabNamespace(field, s string) (string, error) {
	parts := strings.Split(s, "/")
	if len(s) > 512 || len(parts) > 21 || slices.ContainsFunc(parts, func(p string) bool { return !isGitLabSegment(p) }) {
		return "", fault.InField(field, "%s %.100q is not a group or user on GitLab; write subgroups as group/subgroup",
			field, s)
	}
	return lowerASCII(s), nil
}

func parseGitLabProject(field, s string) (string, error) {
	if !isGitLabSegment(s) {
		return "", fault.InField(field, "%s %.100q is not a project name; write it as in its URL, without the namespace",
			field, s)
	}
	return lowerASCII(s), nil
}

// isGitLabSegment applies GitLab's rules for a path segment, as far as they prevent ambiguous paths.
func isGitLabSegment(s string) bool {
	low := lowerASCII(s)
	return gitlabSegment.MatchString(s) && !strings.HasSuffix(s, ".") && !strings.HasSuffix(low, ".git") &&
		!strings.HasSuffix(low, ".atom")
}

// parseGitLabFile accepts a pipeline file in the project itself. GitLab also allows files of other projects and URLs,
// but the project does not control those.
func parseGitLabFile(field, s string) (string, error) {
	s = strings.TrimSpace(s)
	named := strings.HasSuffix(s, ".yml") || strings.HasSuffix(s, ".yaml")
	odd := slices.ContainsFunc(strings.Split(s, "/"), func(p string) bool { return p == "" || p == "." || p == ".." })
	if !named || odd || len(s) > 255 || HasControl(s) || strings.ContainsAny(s, `\:`) || s == ".yml" || s == ".yaml" {
		return "", fault.InField(field,
			"%s %.100q is not the path of a pipeline file: write it from the project's root, for example .gitlab-ci.yml or ci/release.yml",
			field, s)
	}
	return s, nil
}

// lookupGitLab returns "namespace/project" in lower case.
func lookupGitLab(c Claims) (string, *Mismatch) {
	s := text(c, "project_path")
	at := max(0, strings.LastIndexByte(s, '/'))
	_, err := parseGitLabNamespace("", s[:at])
	if err != nil || !isGitLabSegment(s[min(at+1, len(s)):]) {
		return "", wrong("project_path", c["project_path"], "not namespace/project")
	}
	return lowerASCII(s), nil
}

// gitlabSubjectFits compares the first two parts of the subject, which are the same in every configuration.
func gitlabSubjectFits(r Rule, c Claims) *Mismatch {
	got, m := said(c, "sub")
	if m != nil {
		return m
	}
	path := joined(r, "namespace", "project")
	part := strings.SplitN(got, ":", 3)
	if len(part) < 2 || part[0] != "project_path" || lowerASCII(part[1]) != path {
		return differs("sub", got, "project_path:"+path+":…")
	}
	return nil
}

// gitlabFileKnown refuses pipelines whose file is not in the project: GitLab does not name it.
func gitlabFileKnown(_ Rule, c Claims) *Mismatch {
	if v := c["ci_config_ref_uri"]; text(c, "ci_config_ref_uri") == "" {
		return wrong("ci_config_ref_uri", v,
			"but must name the pipeline's file: GitLab omits it if the file is not in the project itself")
	}
	return nil
}

// gitlabPipelineFits compares the pipeline's file at the job's own revision. GitLab writes the address of its server
// before it, whatever the issuer is. If that address is not configured, it is the issuer, or the root of the issuer's
// host. GitLab writes only the token's own project there, and project_path is compared too, so neither of the two lets
// another project in. A namespace that begins like the path of the issuer fits only below it: the files of gl/a/b at
// the root and of a/b below /gl are written alike.
func gitlabPipelineFits(r Rule, c Claims) *Mismatch {
	project, file := joined(r, "namespace", "project"), "//"+r.Fields["workflow_filepath"]
	server := gitlabPlace(r, c)
	m := fileFits(c, "ci_config_ref_uri", server+"/"+project, file, "ref_path")
	host, path, below := strings.Cut(server, "/")
	if m == nil || r.Server != "" || !below {
		return m
	}
	if fileFits(c, "ci_config_ref_uri", host+"/"+project, file, "ref_path") != nil {
		return m
	}
	if strings.HasPrefix(project, path+"/") {
		m.Note = "if GitLab is at the root of its host, the index needs the setting server of this issuer (oidc.issuers)"
		return m
	}
	return nil
}

func suggestGitLab(c Claims) map[string]string {
	path := text(c, "project_path")
	at := strings.LastIndexByte(path, '/')
	_, file, ok := strings.Cut(text(c, "ci_config_ref_uri"), "//")
	if at < 0 || !ok {
		return nil
	}
	return map[string]string{
		"namespace": path[:at], "project": path[at+1:], "workflow_filepath": withoutRevision(file, c, "ref_path", "sha"),
	}
}
