package workload_test

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// sampleToken returns the claims of a token of a kind's table, changed.
func sampleToken(t *testing.T, kind, name string, over map[string]any) workload.Claims {
	t.Helper()
	b, err := os.ReadFile("testdata/tables/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct{ Tokens map[string]workload.Claims }
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	c := maps.Clone(table.Tokens[name])
	if c == nil {
		t.Fatalf("no token %q of %s", name, kind)
	}
	for claim, v := range over {
		if c[claim] = v; v == nil {
			delete(c, claim)
		}
	}
	return c
}

// TestRemedy: a refusal without a suggested publisher says what the job or its publisher needs, not why a rule is
// invalid.
func TestRemedy(t *testing.T) {
	const uuid = "01890000-0000-4000-8000-000000000001"
	gitlab := map[string]string{"namespace": "acme", "project": "widgets", "workflow_filepath": ".gitlab-ci.yml"}
	bk := map[string]string{"organization": "acme", "pipeline": "widgets", "tag": "v*"}
	pinned := maps.Clone(bk)
	pinned["pipeline_id"] = uuid
	circle := workload.CircleCI.Sample()
	circle["context_id"] = "01890000-0000-4000-8000-00000000000d"
	for _, c := range []struct {
		kind   *workload.Kind
		token  string
		over   map[string]any
		fields map[string]string
		want   string
	}{
		{
			workload.GitLab, "push of a tag",
			map[string]any{"job_source": "pipeline_execution_policy"},
			gitlab,
			"only a publisher with --job-source pipeline_execution_policy accepts it. " +
				"Add one only if you trust who writes the group's policies",
		},
		{
			workload.GitLab, "push of a tag",
			map[string]any{"pipeline_source": "merge_request_event", "job_project_id": nil},
			gitlab,
			"only a publisher with --event merge_request_event accepts it. " +
				"Add one only if you trust everyone who can open a merge request",
		},
		{
			workload.AzureDevOps, "service connection", nil,
			map[string]string{"organization": "acme", "project": "widgets", "pipeline": "release"},
			`only a publisher with --connection "`,
		},
		{
			workload.Buildkite, "branch", nil, bk, "this build is not of a tag: push one that matches v*",
		},
		{
			workload.Buildkite, "tag",
			map[string]any{"pipeline_id": nil, "organization_id": nil},
			pinned,
			"change the job: request the token with --claim organization_id,pipeline_id",
		},
		{
			workload.CircleCI, "tag",
			map[string]any{"oidc.circleci.com/context-ids": []any{}},
			circle,
			"change the job: the job uses no context, and needs " + circle["context_id"],
		},
	} {
		rule, err := c.kind.CompileNew(c.fields)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := c.kind.Amend(rule, sampleToken(t, c.kind.Name(), c.token, c.over))
		if err == nil || !strings.HasPrefix(fault.Message(err), c.want) {
			t.Errorf("%s, %s: %v, %v, want %q", c.kind.Name(), c.token, fields, err, c.want)
		}
	}
}

// TestShowCut: a value that is cut shows it.
func TestShowCut(t *testing.T) {
	whole := strings.Repeat("é", 100)
	if got := workload.Show(whole); got != `"`+whole+`"` {
		t.Errorf("Show of 100 letters = %s", got)
	}
	if got := workload.Show(whole + "x"); got != `"`+whole+`"…` {
		t.Errorf("Show of 101 letters = %s", got)
	}
}
