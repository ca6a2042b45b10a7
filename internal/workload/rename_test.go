package workload_test

import (
	"testing"

	"pyindex/internal/workload"
)

func TestRenameFields(t *testing.T) {
	for _, c := range []struct {
		kind          *workload.Kind
		message, want string
	}{
		{
			workload.GitHub, "the first token will pin it (set owner_id to pin it now)",
			"the first token will pin it (set --owner-id to pin it now)",
		},
		{workload.GitHub, `owner "a b" is not a GitHub account`, `--owner "a b" is not a GitHub account`},
		{workload.GitHub, `owner_id "owner_id" is not a number`, `--owner-id "owner_id" is not a number`},
		{workload.GitHub, "claim repository_owner_id differs", "claim repository_owner_id differs"},
		{workload.GitHub, "the owner and the repository", "the owner and the repository"},
		{
			workload.GitHub, "workflow_repository and workflow_at must be set",
			"--workflow-repository and --workflow-at must be set",
		},
		{
			workload.GitLab, "project_id first takes the namespace's id too: omit namespace_id",
			"--project-id first takes the namespace's id too: omit --namespace-id",
		},
		{workload.GitLab, `project "a/b" is not a project name`, `--gitlab-project "a/b" is not a project name`},
		{workload.GitHub, "events: pull_request_target may never publish", "--event: pull_request_target may never publish"},
		{workload.GitLab, "set --project or --namespace", "set --gitlab-project or --namespace"},
		{workload.Generic, "owner_id is set", "owner_id is set"},
		{workload.GitHub, "", ""},
	} {
		t.Run(c.message, func(t *testing.T) {
			got := workload.Rename(c.message, c.kind.Fields, func(f workload.Field) string { return "--" + c.kind.Flag(f.Name) })
			if got != c.want {
				t.Errorf("Rename(%q) = %q, want %q", c.message, got, c.want)
			}
		})
	}
}
