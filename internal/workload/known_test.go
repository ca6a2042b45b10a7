package workload_test

import (
	"maps"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// TestNeverFits: a new rule that no job can fit is refused with the words that exist, and a stored one still compiles.
func TestNeverFits(t *testing.T) {
	both := "set --tag or --branch, not both: Buildkite's branch of a tag is the tag, so no build fits both"
	for _, c := range []struct {
		kind   *workload.Kind
		fields map[string]string
		want   string
	}{
		{workload.Buildkite, map[string]string{"tag": "v*", "branch": "main"}, both},
		{workload.Buildkite, map[string]string{"tag": "v1", "branch": "v2*"}, both},
		{workload.Buildkite, map[string]string{"tag": "v1*", "branch": "v2*"}, both},
		{workload.Buildkite, map[string]string{"tag": "v1", "branch": "v2"}, both},
		{workload.Buildkite, map[string]string{"tag": "v*", "branch": "v1*"}, ""},
		{workload.Buildkite, map[string]string{"tag": "v1*", "branch": "v*"}, ""},
		{workload.Buildkite, map[string]string{"tag": "v1", "branch": "v*"}, ""},
		{workload.Buildkite, map[string]string{"tag": "*", "branch": "main"}, ""},
		{workload.Buildkite, map[string]string{"tag": "v1", "branch": "v1"}, ""},
		{
			workload.Buildkite,
			map[string]string{"source": "push"},
			`source "push" does not exist: use ui, api, webhook, trigger_job or schedule`,
		},
		{workload.Buildkite, map[string]string{"source": "webhook,schedule,ui,api,trigger_job"}, ""},
		{
			workload.GitLab,
			map[string]string{"events": "push,tag"},
			`events "tag" does not exist: use push, web, webide, schedule, api, trigger, pipeline, parent_pipeline, ` +
				`merge_request_event, external_pull_request_event, chat, external, container_registry_push, duo_workflow, ` +
				`ondemand_dast_scan, ondemand_dast_validation, security_orchestration_policy, ` +
				`pipeline_execution_policy_forced, pipeline_execution_policy_schedule, security_policies_default_source or ` +
				`unknown`,
		},
		{workload.GitLab, map[string]string{"events": "push,merge_request_event"}, ""},
	} {
		fields := map[string]string{}
		for _, f := range c.kind.Fields {
			if f.Required {
				fields[f.Name] = f.Example
			}
		}
		maps.Copy(fields, c.fields)
		if _, err := c.kind.Compile(fields); err != nil {
			t.Errorf("%s %v: a stored rule is refused: %v", c.kind.Name(), c.fields, err)
		}
		if _, err := c.kind.CompileNew(fields); err == nil && c.want != "" || err != nil && fault.Message(err) != c.want {
			t.Errorf("%s %v: %v, want %q", c.kind.Name(), c.fields, err, c.want)
		}
	}
	form, _ := workload.FormFor("buildkite", "")
	got := workload.Buildkite.Problems(form, map[string]string{
		"organization": "acme", "pipeline": "widgets", "tag": "v*", "branch": "main",
	})
	if want := "set Tags or Branches, not both: "; len(got) != 1 || got["branch"][:len(want)] != want {
		t.Errorf("the form says %v, want %q", got, want)
	}
}
