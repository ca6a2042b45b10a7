package workload_test

import (
	"maps"
	"testing"

	"pyindex/internal/workload"
)

// TestSuggestNothingWider checks that suggested publishers do not admit other refs than the token's, but for the tags
// of later versions.
func TestSuggestNothingWider(t *testing.T) {
	for _, c := range []struct {
		kind        *workload.Kind
		claim, with string
		field, want string // want is "" for no suggestion
	}{
		{workload.Semaphore, "ref", "refs/pull/7", "ref", ""},
		{workload.Semaphore, "ref", "refs/heads/*", "ref", ""},
		{workload.AzureDevOps, "rpo_ref", "refs/pull/7/merge", "ref", ""},
		{workload.AzureDevOps, "rpo_ref", "refs/tags/hotfix1", "ref", "refs/tags/hotfix1"},
		{workload.AzureDevOps, "rpo_ref", "refs/tags/v1.2", "ref", "refs/tags/v*"},
		{workload.Bitbucket, "branchName", "main*", "branch", ""},
		{workload.Buildkite, "build_branch", "main*", "branch", ""},
		{workload.Buildkite, "build_tag", "hotfix1", "tag", "hotfix1"},
		{workload.Buildkite, "build_tag", "v*", "tag", ""},
		{workload.CircleCI, "oidc.circleci.com/vcs-ref", "refs/pull/7/head", "vcs_ref", ""},
	} {
		tab := readTable(t, c.kind.Name())
		for _, tc := range tab.Cases {
			if tc.Want != "" {
				continue
			}
			claims := tab.claims(t, tc)
			claims[c.claim] = c.with
			got, err := c.kind.Suggest(claims)
			if c.want == "" && err == nil || err == nil && got[c.field] != c.want {
				t.Errorf("%s, %s: Suggest with %s = %v, %v; want %s %q", c.kind.Name(), tc.Name, c.with, got, err, c.field, c.want)
			}
		}
	}
	rules := workload.Rule{Fields: map[string]string{"claim:repository_id": "7", "prefix:ref": "refs/tags/release-*"}}
	token := workload.Claims{"repository_id": "7", "ref": "refs/tags/hotfix1"}
	want := map[string]string{"claim:repository_id": "7", "claim:ref": "refs/tags/hotfix1"}
	if got, err := workload.Generic.Amend(rules, token); !maps.Equal(got, want) {
		t.Errorf("Amend = %v, %v; want %v", got, err, want)
	}
	token["ref"] = "refs/pull/7/merge"
	if got, err := workload.Generic.Suggest(token); err == nil {
		t.Errorf("Suggest for a pull request = %v", got)
	}
}
