package workload

import (
	"strings"

	"pyindex/internal/fault"
)

// GitHubIssuer signs the identity tokens of GitHub Actions on github.com.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

var githubClaims = []string{"repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "event_name"}

var (
	githubOwner      = newPattern(`\A[A-Za-z0-9][A-Za-z0-9-]{0,99}\z`)
	githubRepository = newPattern(`\A[A-Za-z0-9._-]{1,100}\z`)
	githubFullName   = newPattern(`\A[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}\z`)
)

// GitHub identifies workflow runs of GitHub Actions. Like GitHub, it ignores the case of owner, repository and
// environment, and compares file names and refs case-sensitively.
//
// It does not compare "sub", because organizations can customize its format.
var GitHub = &Kind{
	name: "github", Short: "GitHub", Title: "GitHub Actions", Help: "A GitHub Actions workflow.",
	issuer: GitHubIssuer, host: "github.com", site: githubSite, numbered: true,
	Account: "owner", pin: "owner_id", key: []string{"owner", "repository"},
	sentence: "workflow {workflow}( of {workflow_repository} at {workflow_at}, run)(, called by {calling_workflow})" +
		" in {owner/repository}(, environment {environment}), on @",
	Fields: []Field{
		{
			Name: "owner", Label: "Owner", Example: "acme", Required: true,
			Help:    "The user or organization that owns the repository. You can paste acme/widgets or the repository's URL.",
			Pattern: "letters, digits and '-', beginning with a letter or digit",
			parse: folded(matching(githubOwner,
				"is not a GitHub account: letters, digits and '-', beginning with a letter or digit")),
		},
		{
			Name: "repository", Label: "Repository", Example: "widgets", Required: true,
			Help: "The repository's name, without its owner.", Pattern: nameWords, parse: parseGitHubRepository,
		},
		{
			Name: "workflow", Label: "Workflow file", Example: "release.yml", Required: true, Alias: "workflow_filename",
			Help:    "The name of the file in .github/workflows that publishes, without folders.",
			Pattern: fileWords, parse: parseGitHubWorkflow,
		},
		{
			Name: FieldEnvironment, Label: "Environment", Example: "pypi", Recommended: true, Claim: "environment",
			Help: "The environment of the job that publishes. Protect it in the repository's settings with required reviewers or a tag rule, " +
				"so that a push alone cannot release. Without an environment, everyone who may push a branch may publish.",
			Pattern: "at most 255 bytes, none of ' \" ` , ; \\", Tighten: "Require this environment",
			parse: parseGitHubEnvironment, fits: asText(equalFold),
		},
		refField("ref", "the repository"), protectedField("GitHub"), eventsField("event_name", parseGitHubEvents),
		runnerField("github-hosted"),
		{
			Name: "owner_id", Label: "Owner ID", Example: "4242", Stricter: true, ID: true, Claim: "repository_owner_id",
			Help: "The account's ID does not change when someone else takes over its name. " +
				"The index looks it up at GitHub or, if GitHub is unreachable, " +
				"takes it from the first accepted token. Enter it to be sure: " +
				"it is the id at https://api.github.com/users/OWNER.",
			Pattern: "a number", Tighten: "Pin to this account",
			parse: matching(decimalID,
				"is not a number: it is the account's id, as https://api.github.com/users/OWNER shows it"),
		},
		{
			Name: fieldRepositoryID, Label: "Repository ID", Example: "31337", Stricter: true, ID: true, Claim: "repository_id",
			Help: "Excludes a repository that is recreated under this name. " +
				"Enter “first” to use the IDs in the first accepted token.",
			Pattern: "a number, or the word first", Tighten: "Pin to this repository", parse: parseRepositoryID,
			say: numbered("repository"),
		},
		{
			Name: "calling_workflow", Label: "Calling workflow", Example: "main.yml", Stricter: true, Claim: "workflow_ref",
			Help:    "If the workflow file is reusable: the file of the workflow that must call it.",
			Pattern: fileWords, parse: parseGitHubWorkflow,
		},
		{
			Name: "workflow_repository", Label: "Repository of the reusable workflow", Example: "acme/ci", Stricter: true,
			Renames: true,
			Help:    "Only if the workflow file is in a different repository than the one that publishes.",
			Pattern: "owner/name",
			parse:   folded(parseGitHubFullName),
		},
		{
			Name: "workflow_at", Label: "Version of the reusable workflow", Example: "refs/heads/main", Stricter: true,
			Renames: true,
			Help:    "The ref or commit of that repository that is trusted.",
			Pattern: "a commit, or a full name that begins with refs/", parse: parseGitHubVersion,
		},
		propertyField,
	},
	claims: githubClaims,
	renames: forgeRenaming(
		"owner", "repository", "repository", "account", "repository", "repository_owner_id", "repository_id",
	),
	lookup: lookupGitHub, validate: validateGitHub, suggest: suggestGitHub, shape: githubShape,
	never: []check{notPullRequestTarget},
	checks: []check{
		folds("repository", "owner", "repository"), folds("repository_owner", "owner"),
		pinned("repository_owner_id", decimalID, "not a decimal number"), numberFits("repository_id"),
		githubWorkflowFits, githubCallerFits,
	},
	run: runClaims{workload: []string{"repository"}, ref: "ref", word: "run", id: "run_id", path: "/actions/runs/"},
	warn: func(fields map[string]string, ownerID string) []Warning {
		return append(forgeWarnings(fields, ownerID, forge{
			place: fields["owner"] + "/" + fields["repository"], account: "the account that owns " + fields["owner"],
			thing: "repository", file: fields["workflow"], pin: "owner_id", id: fieldRepositoryID, hosted: "github-hosted",
		}), foreignWarnings(fields)...)
	},
}

const githubWorkflows = "/.github/workflows/"

func parseGitHubRepository(field, s string) (string, error) {
	if !githubRepository.MatchString(s) || s == "." || s == ".." {
		return "", fault.InField(field,
			"%s %.100q is not a repository name: use letters, digits, '-', '_' and '.', without the owner", field, s)
	}
	return lowerASCII(s), nil
}

func parseGitHubFullName(field, s string) (string, error) {
	owner, name, _ := strings.Cut(s, "/")
	if !githubOwner.MatchString(owner) || !githubRepository.MatchString(name) || name == "." || name == ".." {
		return "", fault.InField(field, "%s %.100q is not owner/name", field, s)
	}
	return s, nil
}

// parseGitHubWorkflow accepts a bare file name: workflows are files directly in .github/workflows.
func parseGitHubWorkflow(field, s string) (string, error) {
	s = strings.TrimSpace(s)
	stem, isYML := strings.CutSuffix(s, ".yml")
	if !isYML {
		stem, isYML = strings.CutSuffix(s, ".yaml")
	}
	if !isYML || stem == "" || len(s) > 255 || strings.ContainsAny(s, `/\`) || HasControl(s) {
		return "", fault.InField(field,
			"%s %.100q is not a workflow file name: write only the name, without folders, ending in .yml or .yaml", field, s)
	}
	return s, nil
}

func parseGitHubEnvironment(field, s string) (string, error) {
	if len(s) > 255 || strings.TrimSpace(s) != s || HasControl(s) || strings.ContainsAny(s, "'\"`,;\\") {
		return "", fault.InField(field,
			"%s %.100q is not valid: use at most 255 bytes, no blank at either end, and none of ' \" ` , ; \\", field, s)
	}
	return lowerASCII(s), nil
}

func parseGitHubVersion(field, s string) (string, error) {
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

// validateGitHub returns fault.Invalid if only one of workflow_repository and workflow_at is set.
func validateGitHub(r Rule) error {
	repository, at := r.Fields["workflow_repository"], r.Fields["workflow_at"]
	if (repository == "") == (at == "") {
		return nil
	}
	lacking := "workflow_at"
	if repository == "" {
		lacking = "workflow_repository"
	}
	return fault.InField(lacking,
		"workflow_repository and workflow_at must be set together: a workflow of another repository is trusted only at a given ref or commit")
}

// lookupGitHub returns "owner/repository" in lower case.
func lookupGitHub(c Claims) (string, *Mismatch) {
	name := text(c, "repository")
	if !githubFullName.MatchString(name) {
		return "", wrong("repository", c["repository"], "not owner/name")
	}
	return lowerASCII(name), nil
}

// githubShape refuses values that GitHub never sends, so that the comparisons need not handle them.
var githubShape = []check{
	present("job_workflow_ref"), present("event_name"), isText("ref"), isText("sha"), revisionKnown, fullRef("ref"),
	plainCommit, textIfAny("environment"),
}

// revisionKnown requires a ref or a commit.
func revisionKnown(_ Rule, c Claims) *Mismatch {
	if text(c, "ref") == "" && text(c, "sha") == "" {
		return wrong("ref", c["ref"], "and sha is empty too")
	}
	return nil
}

// fullRef requires a ref, if there is one, to be a full name.
func fullRef(claim string) check {
	return func(_ Rule, c Claims) *Mismatch {
		if ref := text(c, claim); ref != "" && !strings.HasPrefix(ref, "refs/") {
			return wrong(claim, ref, "not a full name that begins with refs/")
		}
		return nil
	}
}

// plainCommit refuses a commit that could be mistaken for a part of a path.
func plainCommit(_ Rule, c Claims) *Mismatch {
	if sha := text(c, "sha"); strings.ContainsAny(sha, "@/") {
		return wrong("sha", sha, "not a commit")
	}
	return nil
}

// githubWorkflowFits compares the workflow's file at the job's own revision. For a reusable workflow of another
// repository, it compares the revision with that of the rule.
func githubWorkflowFits(r Rule, c Claims) *Mismatch {
	file, foreign := githubWorkflows+r.Fields["workflow"], r.Fields["workflow_repository"]
	if foreign == "" {
		return fileFits(c, "job_workflow_ref", joined(r, "owner", "repository"), file, "ref")
	}
	got, want := text(c, "job_workflow_ref"), foreign+file+"@"
	at, ok := afterPlace(got, foreign, want)
	if !ok || !refFits(r.Fields["workflow_at"], at) {
		return differs("job_workflow_ref", got, want+r.Fields["workflow_at"])
	}
	return nil
}

// githubCallerFits compares the workflow that started the run if the rule names one.
func githubCallerFits(r Rule, c Claims) *Mismatch {
	if r.Fields["calling_workflow"] == "" {
		return nil
	}
	return fileFits(c, "workflow_ref", joined(r, "owner", "repository"), githubWorkflows+r.Fields["calling_workflow"],
		"ref")
}

// suggestGitHub suggests the fields of a job. For a job in a reusable workflow of another repository, they include the
// workflow's version and its caller.
func suggestGitHub(c Claims) map[string]string {
	full := text(c, "repository")
	owner, repository, ok := strings.Cut(full, "/")
	place, rest, isWorkflow := strings.Cut(text(c, "job_workflow_ref"), githubWorkflows)
	if !ok || !isWorkflow {
		return nil
	}
	out := map[string]string{"owner": owner, "repository": repository}
	if lowerASCII(place) == lowerASCII(full) {
		out["workflow"] = withoutRevision(rest, c, "ref", "sha")
		return out
	}
	out["workflow_repository"], out["workflow"] = place, rest
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		out["workflow"], out["workflow_at"] = rest[:at], rest[at+1:]
	}
	_, caller, _ := strings.Cut(text(c, "workflow_ref"), githubWorkflows)
	out["calling_workflow"] = withoutRevision(caller, c, "ref", "sha")
	return out
}

// withoutRevision removes the token's own ref or commit from "release.yml@refs/heads/main". It does not split at "@",
// because file names and refs may contain one.
func withoutRevision(s string, c Claims, claims ...string) string {
	for _, claim := range claims {
		if file, ok := strings.CutSuffix(s, "@"+text(c, claim)); ok && text(c, claim) != "" {
			return file
		}
	}
	return s
}
