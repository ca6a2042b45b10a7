package workload

import "strings"

// Comparer is a Provider that tells which claims it looks at, apart from those of optional fields.
type Comparer interface{ Compares(r Rule) []string }

func (GitHub) Compares(r Rule) []string {
	out := []string{"repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "event_name"}
	if r.Fields[FieldEnvironment] != "" {
		out = append(out, "environment")
	}
	if r.Fields[FieldRepositoryID] != "" || strings.Contains(r.OwnerID, "/") {
		out = append(out, "repository_id")
	}
	if r.Fields[fieldCaller] != "" {
		out = append(out, "workflow_ref")
	}
	return optionClaims(out, githubOptions, r)
}

func (GitLab) Compares(r Rule) []string {
	out := []string{"project_path", "namespace_id", "sub", "ci_config_ref_uri"}
	if r.Fields[FieldEnvironment] != "" {
		out = append(out, "environment")
	}
	if r.Fields[FieldProjectID] != "" || strings.Contains(r.OwnerID, "/") {
		out = append(out, "project_id")
	}
	return optionClaims(out, gitlabOptions, r)
}

func (Google) Compares(Rule) []string { return []string{"email", "email_verified", "sub"} }

func (ActiveState) Compares(Rule) []string {
	return []string{"organization", "project", "sub", "actor_id", "builder"}
}

func (Generic) Compares(r Rule) []string {
	var out []string
	for field := range r.Fields {
		if _, claim, ok := strings.Cut(field, ":"); ok {
			out = append(out, claim)
		}
	}
	return out
}

// optionClaims are out and the claims that the optional fields of a rule are about.
func optionClaims(out []string, all []option, r Rule) []string {
	for _, o := range all {
		if o.claim != "" && r.Fields[o.field] != "" {
			out = append(out, o.claim)
		}
	}
	return out
}
