package workload

import (
	"strings"
)

// CircleCIIssuer signs the identity tokens that CircleCI jobs request with --root-issuer. Other tokens are signed by an
// issuer per organization, CircleCIIssuer + "/org/ORG_ID".
const CircleCIIssuer = "https://oidc.circleci.com"

const (
	circleciClaim = "oidc.circleci.com/"
	circleciShell = circleciClaim + "ssh-rerun"

	circleciContexts = circleciClaim + "context-ids"
)

var circleciOrigin = newPattern(`\A[A-Za-z0-9.-]{1,253}(?:/[.]{0,9}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}){2,5}\z`)

// CircleCI identifies jobs of CircleCI. Rules are not pinned, because the ids of organizations, projects and pipeline
// definitions are never reused. Tokens have no id.
//
// A job that was restarted with SSH access is refused, because the person who restarted it has a shell in it.
var CircleCI = &Kind{
	name: "circleci", Short: "CircleCI", Title: "CircleCI", Help: "A CircleCI pipeline.",
	issuer: CircleCIIssuer, host: "circleci.com", key: []string{"org_id", "project_id"},
	sentence: "CircleCI pipeline {pipeline_definition_id} of project {project_id}(, from {vcs_origin})" +
		"(, in context {context_id})",
	Fields: []Field{
		{
			Name: "org_id", Label: "Organization ID", Required: true, Alias: "circleci_org_id",
			Example: "01890000-0000-4000-8000-000000000006",
			Help:    "The organization's ID, from its settings on CircleCI.",
			Pattern: "a UUID", Claim: circleciClaim + "org-id", parse: parseUUID, ID: true,
		}, {
			Name: "project_id", Label: "Project ID", Required: true, Alias: "circleci_project_id",
			Example: "01890000-0000-4000-8000-000000000002",
			Help:    "The project's ID, from its settings on CircleCI.",
			Pattern: "a UUID", Claim: circleciClaim + "project-id", parse: parseUUID, ID: true,
		}, {
			Name: "pipeline_definition_id", Label: "Pipeline definition ID", Required: true,
			Example: "01890000-0000-4000-8000-000000000007",
			Help:    "The ID of the pipeline definition that publishes, from the project's settings on CircleCI.",
			Pattern: "a UUID", Claim: circleciClaim + "pipeline-definition-id", parse: parseUUID, ID: true,
		}, {
			Name: "vcs_ref", Label: "Tags or branches", Example: "refs/tags/v*", Recommended: true,
			Tighten: "Only from these refs",
			Help: "Only jobs for these refs: refs/tags/v* for tags that begin with v, or refs/heads/main for one branch." +
				anyBranch,
			Pattern: refWords, Claim: circleciClaim + "vcs-ref", Ref: true, parse: parseRef, fits: asText(refFits), say: sayRef,
		}, {
			Name: "vcs_origin", Label: "Repository", Example: "github.com/acme/widgets", Recommended: true,
			Tighten: "Only from this repository",
			Help:    "The repository of the code. Without it, forks may publish if the project passes secrets to their jobs.",
			Pattern: "host/owner/name", Claim: circleciClaim + "vcs-origin",
			parse: matching(circleciOrigin, "is not a repository: write host/owner/name, for example github.com/acme/widgets"),
			fits:  asText(equal),
		}, {
			Name: "context_id", Label: "Context ID", Stricter: true, Tighten: "Only in this context",
			Example: "01890000-0000-4000-8000-000000000008",
			Help:    "Only jobs that use this context. Restrict the context to a group or to some branches on CircleCI.",
			Pattern: "a UUID", Claim: circleciClaim + "context-ids", parse: parseUUID, fits: hasText, ID: true,
		},
	},
	claims: []string{
		circleciClaim + "org-id", circleciClaim + "project-id", "sub", circleciClaim + "pipeline-definition-id",
		circleciShell,
	},
	shared:    true,
	recognize: func(_ string, c Claims) bool { return text(c, circleciClaim+"project-id") != "" },
	recognizeRule: func(issuer string, r Rule) bool {
		return literal(r, circleciClaim+"project-id") || literal(r, circleciClaim+"pipeline-definition-id") ||
			hostOf(issuer) == hostOf(CircleCIIssuer)
	},
	beyond: "the organization and the pipeline definition",
	others: circleciOthers,
	never:  []check{circleciNoShell},
	lookup: func(c Claims) (string, *Mismatch) {
		for _, claim := range []string{circleciClaim + "org-id", circleciClaim + "project-id"} {
			if !uuidText.MatchString(text(c, claim)) {
				return "", wrong(claim, c[claim], "not an id")
			}
		}
		return text(c, circleciClaim+"org-id") + "/" + text(c, circleciClaim+"project-id"), nil
	},
	checks: []check{
		is(circleciClaim+"org-id", "org_id"), is(circleciClaim+"project-id", "project_id"), circleciSubjectFits,
		is(circleciClaim+"pipeline-definition-id", "pipeline_definition_id"),
	},
	sampled: func(r Rule, job Claims) {
		job["sub"], job[circleciShell] = "org/"+joined(r, "org_id")+"/project/"+r.Fields["project_id"]+"/user/x", false
	},
	run:  runClaims{workload: []string{circleciClaim + "vcs-origin"}, ref: circleciClaim + "vcs-ref"},
	warn: circleciWarnings, remedy: circleciRemedy,
}

// circleciSubjectFits compares the prefix that every subject has.
func circleciSubjectFits(r Rule, c Claims) *Mismatch {
	got, m := said(c, "sub")
	if want := "org/" + r.Fields["org_id"] + "/project/" + r.Fields["project_id"] + "/"; m == nil &&
		!strings.HasPrefix(got, want) {
		m = differs("sub", got, want+"…")
	}
	return m
}

// circleciNoShell requires the claim to be false: if it is missing, the job could have a shell.
func circleciNoShell(_ Rule, c Claims) *Mismatch {
	if v, ok := c[circleciShell].(bool); !ok || v {
		return wrong(circleciShell, c[circleciShell], "but must be false: a job that was run again with SSH is not trusted, "+
			"because somebody has a shell in it")
	}
	return nil
}

// circleciOthers returns the root issuer for a token of its organization's issuer, and the other way around. Any other
// issuer could sign the ids of a project that is not its own, to learn what trusts that.
func circleciOthers(issuer string, c Claims) []string {
	org := text(c, circleciClaim+"org-id")
	switch own := CircleCIIssuer + "/org/" + org; {
	case !uuidText.MatchString(org):
		return nil
	case issuer == CircleCIIssuer:
		return []string{own}
	case issuer == own:
		return []string{CircleCIIssuer}
	}
	return nil
}

func circleciWarnings(fields map[string]string, _ string) []Warning {
	var out []Warning
	switch ref := fields["vcs_ref"]; {
	case anyRef(ref) && fields["context_id"] == "":
		out = append(out, Warning{
			AsLooseAsToken,
			"Anyone who can push a branch to the repository can publish with their own jobs. Restrict the refs.",
			"vcs_ref", "refs/tags/*",
		})
	case anyRef(ref):
		out = append(out, Warning{CouldBeStricter, "Any branch or tag that the context allows may publish: " +
			"an unrestricted context allows all of them.", "vcs_ref", "refs/tags/*"})
	}
	if fields["vcs_origin"] == "" {
		out = append(out, Warning{Loose, "Forks may publish if the project passes secrets to their jobs.", "vcs_origin", ""})
	}
	if fields["context_id"] == "" {
		out = append(out, Warning{CouldBeStricter, "No context: releases need no approval.", "context_id", ""})
	}
	return out
}
