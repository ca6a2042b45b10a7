package terminal_test

import (
	"testing"

	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

func TestConstrainLine(t *testing.T) {
	const project = "claim:oidc.circleci.com/project-id"
	for _, c := range []struct {
		name, repository, provider, issuer string
		fields                             map[string]string
		warning                            workload.Warning
		want                               string
	}{
		{
			"a placeholder", "main", "github", workload.GitHubIssuer, nil,
			workload.Warning{Field: "environment"},
			"index publisher constrain p-1 --project widgets --environment ENVIRONMENT",
		},
		{
			"a value, in another repository", "tools", "github", workload.GitHubIssuer, nil,
			workload.Warning{Field: "ref", Value: "refs/tags/*"},
			"index publisher constrain p-1 --project widgets --index-repository tools --ref 'refs/tags/*'",
		},
		{
			"a check box", "main", "github", workload.GitHubIssuer, nil,
			workload.Warning{Field: "ref_protected", Value: "true"},
			"index publisher constrain p-1 --project widgets --ref-protected",
		},
		{"no field", "main", "github", workload.GitHubIssuer, nil, workload.Warning{}, ""},
		{
			"the platform's own kind", "main", "generic", workload.CircleCIIssuer,
			map[string]string{project: "01890000-0000-4000-8000-000000000002"},
			workload.Warning{},
			"index publisher constrain p-1 --project widgets --kind circleci --org-id ORG_ID" +
				" --pipeline-definition-id PIPELINE_DEFINITION_ID",
		},
		{
			"a claim that no kind has", "main", "generic", workload.CircleCIIssuer,
			map[string]string{project: "01890000-0000-4000-8000-000000000002", "claim:other": "y"},
			workload.Warning{},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := terminal.ConstrainLine("p-1", c.repository, "widgets", c.provider, c.issuer, c.fields, c.warning)
			if got != c.want {
				t.Errorf("ConstrainLine() = %q, want %q", got, c.want)
			}
		})
	}
}
