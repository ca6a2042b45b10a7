package workload

import (
	"strings"

	"pyindex/internal/fault"
)

// Bitbucket identifies steps of Bitbucket Pipelines by the id of their repository. Rules are not pinned, because ids
// are never reused. It does not compare "sub", which is another one for each step. A step that sets an audience gets it
// as a list.
var Bitbucket = &Kind{
	name: "bitbucket", Short: "Bitbucket", Title: "Bitbucket Pipelines", Help: "A step of Bitbucket Pipelines.",
	key: []string{"repository_id"}, shared: true, listed: true,
	sentence: "Bitbucket repository {repository_id}(, deployment environment {environment_id})(, of workspace {workspace_id})",
	Fields: []Field{
		{
			Name: "repository_id", Label: "Repository UUID", Required: true, ID: true, Claim: "repositoryUuid",
			Example: "{01890000-0000-4000-8000-00000000000a}",
			Help:    "From the repository's settings on Bitbucket, under OpenID Connect.",
			Pattern: "a UUID, with or without braces", parse: parseBracedUUID,
		}, {
			Name: "branch", Label: "Branch", Example: "main", Recommended: true, Claim: "branchName",
			Help: "Only pipelines for this branch. Without a branch or a deployment environment, " +
				"everyone who may push a branch may publish.",
			Pattern: starWords, Tighten: "Only from this branch", parse: parseStarred, fits: asText(refFits), say: sayBranch,
		}, {
			Name: "environment_id", Label: "Deployment environment UUID", Stricter: true, ID: true,
			Claim: "deploymentEnvironmentUuid", Example: "{01890000-0000-4000-8000-00000000000b}",
			Help: "Only steps that deploy to this environment. Restrict who may deploy to it, and from which branches, " +
				"on Bitbucket.",
			Pattern: "a UUID, with or without braces", Tighten: "Require this environment",
			parse: parseBracedUUID, fits: asText(sameBraced),
		}, {
			Name: "workspace_id", Label: "Workspace UUID", Stricter: true, ID: true, Claim: "workspaceUuid",
			Example: "{01890000-0000-4000-8000-00000000000c}",
			Help:    "Excludes the repository after a transfer to another workspace.",
			Pattern: "a UUID, with or without braces", Tighten: "Pin to this workspace",
			parse: parseBracedUUID, fits: asText(sameBraced),
		},
	},
	claims:    []string{"repositoryUuid"},
	recognize: func(_ string, c Claims) bool { return text(c, "repositoryUuid") != "" },
	recognizeRule: func(issuer string, r Rule) bool {
		return literal(r, "repositoryUuid") || hostOf(issuer) == "api.bitbucket.org"
	},
	lookup: func(c Claims) (string, *Mismatch) {
		id := withoutBraces(text(c, "repositoryUuid"))
		if !uuidText.MatchString(id) {
			return "", wrong("repositoryUuid", c["repositoryUuid"], "not an id")
		}
		return id, nil
	},
	checks: []check{func(r Rule, c Claims) *Mismatch {
		got, m := said(c, "repositoryUuid")
		if want := r.Fields["repository_id"]; m == nil && !sameBraced(want, got) {
			m = differs("repositoryUuid", got, want)
		}
		return m
	}},
	run:  runClaims{workload: []string{"repositoryUuid"}},
	warn: bitbucketWarnings,
}

// withoutBraces returns an id as rules store it: in lower case, without the braces around it.
func withoutBraces(id string) string {
	if inner, ok := strings.CutPrefix(id, "{"); ok && strings.HasSuffix(inner, "}") {
		id = strings.TrimSuffix(inner, "}")
	}
	return lowerASCII(id)
}

// sameBraced compares a claim with an id without braces.
func sameBraced(want, got string) bool { return withoutBraces(got) == want }

func parseBracedUUID(field, s string) (string, error) { return parseUUID(field, withoutBraces(s)) }

// parseStarred parses a name, or the beginning of names followed by "*".
func parseStarred(field, s string) (string, error) {
	stem := strings.TrimSuffix(s, "*")
	if stem == "" || len(s) > 255 || strings.ContainsAny(stem, "*?[ ~^:\\") || strings.HasPrefix(s, "refs/") ||
		HasControl(s) {
		return "", fault.InField(field,
			"%s %.100q is not a name: write it without refs/heads/, such as main, or release/* with one * at the end", field, s)
	}
	return s, nil
}

// sayBranch appends the branches that a pattern matches.
func sayBranch(w *Words, pattern string) { sayRef(w, "refs/heads/"+pattern) }

func bitbucketWarnings(fields map[string]string, _ string) []Warning {
	branch, environment := fields["branch"], fields["environment_id"]
	switch {
	case environment == "" && branch == "":
		return []Warning{{
			AsLooseAsToken,
			"Anyone who can push a branch to the repository can publish with their own pipeline. Restrict the branch, or " +
				"require a deployment environment.",
			"branch", "main",
		}}
	case environment == "":
		return []Warning{{
			CouldBeStricter, "No deployment environment: anyone who can push the branch " + branch +
				" can publish without approval.", "environment_id", "",
		}}
	case branch == "":
		return []Warning{{
			CouldBeStricter, "Any branch that the deployment environment allows may publish: " +
				"an environment without restrictions allows all of them.", "branch", "main",
		}}
	}
	return nil
}
