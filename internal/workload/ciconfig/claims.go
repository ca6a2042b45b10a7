package ciconfig

import (
	"cmp"
	"strings"

	"pyindex/internal/workload"
)

// claimFields names, for each platform, the fields whose values rules on claims store under the claims' own names.
var claimFields = map[string]map[string]string{
	"forgejo": {"ref": "ref", "event_name": "events"},
	"buildkite": {
		"organization_slug": "organization", "pipeline_slug": "pipeline", "organization_id": "organization_id",
		"pipeline_id": "pipeline_id", "build_branch": "branch", "build_tag": "tag", "step_key": "step",
		"build_source": "source", "cluster_id": "cluster_id", "runner_environment": "runner_environment",
	},
	"circleci": {
		"oidc.circleci.com/org-id": "org_id", "oidc.circleci.com/project-id": "project_id",
		"oidc.circleci.com/pipeline-definition-id": "pipeline_definition_id",
		"oidc.circleci.com/vcs-ref":                "vcs_ref", "oidc.circleci.com/vcs-origin": "vcs_origin",
		"oidc.circleci.com/context-ids": "context_id",
	},
	"semaphore": {
		"org_id": "org_id", "prj_id": "project_id", "repo_slug": "repository", "ref": "ref", "ref_type": "ref_type",
	},
	"azure-devops": {"rpo_ref": "ref", "prj_id": "project_id", "def_id": "pipeline_id"},
	"bitbucket": {
		"repositoryUuid": "repository_id", "branchName": "branch", "deploymentEnvironmentUuid": "environment_id",
		"workspaceUuid": "workspace_id",
	},
	"jenkins": {"sub": "job"},
}

// ofClaims returns the kind and the fields that rules on claims stand for. It returns kind "generic" if the platform is
// unknown. It is the only function that reads rules on claims.
func ofClaims(issuer string, rules map[string]string) (kind string, fields map[string]string) {
	kind = cmp.Or(workload.PlatformOf(issuer, rules), "generic")
	fields = map[string]string{}
	for claim, field := range claimFields[kind] {
		if v := ruleOn(rules, claim); v != "" {
			fields[field] = v
		}
	}
	sub := ruleOn(rules, "sub")
	switch kind {
	case "forgejo":
		repository := ruleOn(rules, "repository")
		fields["owner"], fields["repository"], _ = strings.Cut(repository, "/")
		if file, ok := strings.CutPrefix(ruleOn(rules, "workflow_ref"), repository+"/"); ok {
			fields["workflow"] = strings.TrimSuffix(file, "@*")
		}
	case "azure-devops":
		platform, path, _ := strings.Cut(sub, "://")
		last := map[string]string{"p": "pipeline", "sc": "connection"}[platform]
		if parts := strings.SplitN(path, "/", 3); len(parts) == 3 && last != "" {
			fields["organization"], fields["project"], fields[last] = parts[0], parts[1], parts[2]
		}
	case "kubernetes":
		path := strings.TrimPrefix(sub, "system:serviceaccount:")
		fields["namespace"], fields["service_account"], _ = strings.Cut(path, ":")
	}
	return kind, fields
}

// ruleOn returns the value that a rule requires of a claim: exactly, as a prefix, or the values of a list, joined by
// commas.
func ruleOn(rules map[string]string, claim string) string {
	return cmp.Or(rules["claim:"+claim], rules["prefix:"+claim], rules["has:"+claim],
		strings.ReplaceAll(rules["oneof:"+claim], "\n", ","))
}
