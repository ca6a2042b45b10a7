package workload

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// The claims whose type is the same wherever they are documented.
var (
	listClaims   = []string{"groups_direct", circleciContexts}
	objectClaims = []string{"kubernetes.io", "job_config", "user_identities"}
	boolClaims   = []string{circleciShell, "email_verified"}
	numberClaims = []string{"build_number", "runner_id"}
	refsInFull   = []string{"ref_path", "rpo_ref", circleciClaim + "vcs-ref"}
	// texts with the words true and false
	wordClaims = []string{"ref_protected", "environment_protected"}
	textClaims = []string{
		"sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "ref", "ref_type", "ref_path", "sha",
		"event_name", "workflow", "workflow_ref", "job_workflow_ref", "environment", "ref_protected", "environment_protected",
		"runner_environment", "actor", "actor_id", "enterprise", "enterprise_id", "namespace_id", "namespace_path",
		"project_id",
		"project_path", "pipeline_source", "job_source", "ci_config_ref_uri", "organization_slug", "pipeline_slug",
		"pipeline_id",
		"organization_id", "build_branch", "build_tag", "build_source", "step_key", "prj_id", "org_id", "def_id", "rpo_id",
		"rpo_ref", "repo_slug", "job_type", "repositoryUuid", "workspaceUuid", "deploymentEnvironmentUuid", "branchName",
		"email", circleciClaim + "org-id", circleciClaim + "project-id", circleciClaim + "pipeline-definition-id",
		circleciClaim + "vcs-ref", circleciClaim + "vcs-origin",
	}
	// values that are refused whatever a rule says
	bannedValues = map[string][]string{
		"event_name": {"pull_request_target"}, "job_type": {"debug_job", "project_debug_job"}, circleciShell: {"true"},
	}
	bannedReasons = map[string]string{
		"event_name":  "it may never publish, because strangers can start it",
		"job_type":    "somebody has a shell in such a job",
		circleciShell: "a job that was run again with SSH is never trusted, because somebody has a shell in it",
	}
)

// possibleGeneric returns fault.Invalid for rules on claims that no token can fit.
func possibleGeneric(r Rule) error {
	order := genericOrder(r)
	for _, field := range order {
		kind, claim, _ := strings.Cut(field, ":")
		for v := range strings.SplitSeq(r.Fields[field], "\n") {
			if why := impossible(kind+":", claim, v); why != "" {
				return fault.InField(field, "no token can fit claim %s with %.100q: %s", claim, v, why)
			}
		}
	}
	for _, field := range order {
		for _, other := range order {
			if err := contradiction(r, field, other); err != nil {
				return err
			}
		}
	}
	return nil
}

// impossible explains why a claim never has a value, or returns "".
func impossible(kind, claim, v string) string {
	in := func(names []string) bool { return slices.Contains(names, claim) }
	property := strings.HasPrefix(claim, propertyClaim)
	_, refers := refClaims[claim]
	refers = refers || claim == "branchName"
	switch {
	case in(objectClaims):
		return "it is an object"
	case kind == hasRule && property && strings.Contains(v, ","):
		return "write one of the values, without a comma"
	case kind == hasRule && (in(textClaims) || in(boolClaims) || in(numberClaims)):
		return "it is one value and not a list, so compare it as NAME=VALUE"
	case kind != hasRule && in(listClaims):
		return "it is a list, so require one of its values with “has”"
	case slices.Contains(bannedValues[claim], lowerASCII(v)):
		return bannedReasons[claim]
	case in(boolClaims) && v != "true" && v != "false", in(wordClaims) && v != "true" && v != "false":
		return "it is true or false"
	case in(numberClaims) && !wholeNumber.MatchString(v):
		return "it is a whole number"
	case refers && kind != hasRule && kind != prefixRule && strings.HasSuffix(v, "*"):
		return "git allows no * in the names of branches and tags. " +
			"For all that begin alike, use --claim-prefix, or NAME=PREFIX* on a page"
	case in(refsInFull) && !strings.HasPrefix(v, "refs/"):
		return "it is a full name that begins with refs/"
	}
	return ""
}

// contradiction returns an error if every value that a field of a rule allows for its claim implies a value of another
// claim that the other field does not allow.
func contradiction(r Rule, field, other string) error {
	kind, claim, _ := strings.Cut(field, ":")
	otherKind, target, _ := strings.Cut(other, ":")
	if kind+":" == hasRule || claim == target {
		return nil
	}
	first := ""
	for v := range strings.SplitSeq(r.Fields[field], "\n") {
		implied, ok := implied(claim, v)[target]
		if !ok || allows(otherKind+":", r.Fields[other], implied) {
			return nil
		}
		if first == "" {
			first = implied
		}
	}
	return fault.InField(other, "no token can fit both rules: with claim %s %.100q, claim %s is %.100q and not %.100q",
		claim,
		r.Fields[field], target, first, r.Fields[other])
}

// allows reports whether a field of a rule allows a value, in any case of ASCII letters.
func allows(kind, want, v string) bool {
	if kind == prefixRule {
		return refFits(want, v)
	}
	return slices.Contains(strings.Split(lowerASCII(want), "\n"), lowerASCII(v))
}

// implied returns the claims that a token has if another claim has a value, which may end in "*".
func implied(claim, v string) map[string]string {
	switch claim {
	case "sub":
		return impliedBySubject(v)
	case "ref":
		switch {
		case strings.HasPrefix(v, "refs/tags/"):
			return map[string]string{"ref_type": "tag"}
		case strings.HasPrefix(v, "refs/heads/"):
			return map[string]string{"ref_type": "branch"}
		}
	case "repository":
		if owner, _, ok := strings.Cut(v, "/"); ok {
			return map[string]string{"repository_owner": owner}
		}
	case "workflow_ref":
		for _, dir := range []string{githubWorkflows, "/.forgejo/workflows/"} {
			if place, _, ok := strings.Cut(v, dir); ok {
				return map[string]string{"repository": place}
			}
		}
	case "project_path":
		if at := strings.LastIndexByte(v, '/'); at > 0 {
			return map[string]string{"namespace_path": v[:at]}
		}
	}
	return nil
}

// impliedBySubject returns the claims that a subject repeats, for the platforms that document its form.
func impliedBySubject(sub string) map[string]string {
	if s, ok := parseGitHubSubject(sub); ok {
		return s.implied()
	}
	if part := strings.Split(sub, "/"); len(part) > 4 && part[0] == "org" && part[2] == "project" {
		return map[string]string{circleciClaim + "org-id": part[1], circleciClaim + "project-id": part[3]}
	}
	part := strings.Split(sub, ":")
	switch {
	case part[0] == "project_path" && len(part) > 1:
		return map[string]string{"project_path": part[1]}
	case part[0] == "organization" && len(part) > 3 && part[2] == "pipeline":
		return map[string]string{"organization_slug": part[1], "pipeline_slug": part[3]}
	case part[0] == "org" && len(part) > 3 && part[2] == "project":
		return map[string]string{"prj_id": part[3]}
	}
	return nil
}

// implied returns the claims that the subject repeats. Forgejo writes names like GitHub, but ids after "-", so names
// that end in "-" and digits imply nothing.
func (s githubSubject) implied() map[string]string {
	out := map[string]string{}
	if s.ownerID != "" {
		out["repository_owner_id"], out["repository_id"] = s.ownerID, s.repositoryID
	}
	if s.ownerID != "" || !endsInNumber(s.owner) || !endsInNumber(s.name) {
		out["repository"], out["repository_owner"] = s.owner+"/"+s.name, s.owner
	}
	sort, v, _ := strings.Cut(s.context, ":")
	switch {
	case sort == "environment" && v != "":
		out["environment"] = v
	case sort == "ref" && v != "":
		out["ref"] = v
	case s.context == "pull_request":
		out["event_name"] = "pull_request"
	}
	return out
}

// endsInNumber reports whether a name ends in "-" and digits.
func endsInNumber(name string) bool {
	stem := strings.TrimRight(name, "0123456789")
	return stem != name && strings.HasSuffix(stem, "-")
}
