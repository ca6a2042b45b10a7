package workload_test

import (
	"maps"
	"slices"
	"testing"

	"pyindex/internal/workload"
)

// TestOfClaims checks that rules on claims, as they were stored before a platform had a kind, become fields of it.
func TestOfClaims(t *testing.T) {
	const id = "01890000-0000-4000-8000-00000000000a"
	for _, c := range []struct {
		name, issuer string
		rules, want  map[string]string
		kind         *workload.Kind
		missing      []string
	}{
		{
			"Forgejo", "https://forge.acme.example/api/actions",
			map[string]string{
				"claim:repository": "acme/widgets", "prefix:workflow_ref": "acme/widgets/.forgejo/workflows/release.yml@*",
				"prefix:ref": "refs/tags/v*", "oneof:event_name": "push\nrelease", "claim:repository_id": "77",
				"claim:repository_owner_id": "42", "claim:ref_protected": "true",
			},
			map[string]string{
				"owner": "acme", "repository": "widgets", "workflow": "release.yml", "ref": "refs/tags/v*",
				"events": "push,release", "repository_id": "77", "owner_id": "42", "ref_protected": "true",
			},
			workload.Forgejo, nil,
		},
		{
			"Buildkite", workload.BuildkiteIssuer,
			map[string]string{
				"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "prefix:build_tag": "release-*",
				"oneof:build_source": "ui\nwebhook", "claim:pipeline_id": id, "claim:step_key": "publish",
			},
			map[string]string{
				"organization": "acme", "pipeline": "widgets", "tag": "release-*", "source": "ui,webhook", "pipeline_id": id,
				"step": "publish",
			},
			workload.Buildkite, nil,
		},
		{
			"Semaphore", "https://acme.semaphoreci.com",
			map[string]string{"claim:prj_id": id, "claim:repo_slug": "acme/widgets", "prefix:ref": "refs/tags/v*"},
			map[string]string{"project_id": id, "repository": "acme/widgets", "ref": "refs/tags/v*"},
			workload.Semaphore,
			[]string{"ref_type"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.kind.OfClaims(c.rules)
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("OfClaims = %v, %v; want %v", got, err, c.want)
			}
			if own := workload.Generic.Own(c.issuer, c.rules); own != c.kind {
				t.Errorf("Own = %v", own)
			}
			if missing := c.kind.Missing(c.rules); !slices.Equal(missing, c.missing) {
				t.Errorf("Missing = %v, want %v", missing, c.missing)
			}
			if _, err := c.kind.CompileNew(got); (err == nil) != (c.missing == nil) {
				t.Errorf("CompileNew = %v", err)
			}
		})
	}
}
