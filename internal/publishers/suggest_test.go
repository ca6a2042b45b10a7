package publishers_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

// TestSuggested: after a refusal, a publisher of the fields that are suggested accepts the same workload.
func TestSuggested(t *testing.T) {
	for _, c := range []struct {
		name string
		over map[string]any
		want map[string]string
	}{
		{"as it is", nil, map[string]string{"environment": "release"}},
		{
			"another account",
			map[string]any{"repository_owner_id": "7"},
			map[string]string{"environment": "release", "owner_id": "7"},
		},
		{
			"by commit", map[string]any{
				"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@0123456789abcdef0123456789abcdef01234567",
			}, map[string]string{"environment": "release"},
		},
		{
			"a reusable workflow",
			map[string]any{"job_workflow_ref": "other/shared/.github/workflows/publish.yml@refs/heads/main"},
			map[string]string{
				"environment": "release", "workflow": "publish.yml", "workflow_repository": "other/shared",
				"workflow_at": "refs/heads/main", "calling_workflow": "release.yml",
			},
		},
		{
			"odd file",
			map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/a b@c$(id)'.yml@refs/tags/v1.0"},
			map[string]string{"environment": "release", "workflow": "a b@c$(id)'.yml"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.project("widgets", "")
			b.add("widgets", "environment", "quiet-harbour", "owner_id", "1")
			b.exchange(b.token(c.over))
			got := b.exchanges(b.operator, "widgets")[0]
			want := fields()
			for k, v := range c.want {
				want[k] = v
			}
			if want["environment"] == "" {
				delete(want, "environment")
			}
			if diff := cmp.Diff(want, got.Suggested); diff != "" || got.WhyNone != "" {
				t.Fatalf("suggested (%s): %s", got.WhyNone, diff)
			}
			b.addRequest(b.operator,
				publishers.AddRequest{Provider: got.Provider, Issuer: got.Issuer, Project: "widgets", Fields: got.Suggested})
			b.mint(c.over)
		})
	}
}

// TestNothingSuggested: no line is better than one that would not help, or that shows what it is not.
func TestNothingSuggested(t *testing.T) {
	const workflows = "/.github/workflows/"
	for _, c := range []struct {
		name string
		over map[string]any
		why  string
	}{
		{"no environment", map[string]any{"environment": issuertest.Absent}, "looser than the nearest one"},
		{"strangers can start it", map[string]any{"event_name": "pull_request_target"}, "strangers"},
		{
			"a workflow elsewhere, at nothing",
			map[string]any{"job_workflow_ref": "other/shared" + workflows + "release.yml"},
			"workflow_at",
		},
		{
			"a workflow elsewhere, called from another ref",
			map[string]any{
				"job_workflow_ref": "other/shared" + workflows + "release.yml@refs/tags/v1.0",
				"workflow_ref":     "acme/widgets" + workflows + "x.yml@refs/heads/other",
			},
			"workflow",
		},
		{
			"a workflow of another ref",
			map[string]any{"job_workflow_ref": "acme/widgets" + workflows + "release.yml@refs/heads/main"},
			"workflow",
		},
		{"no workflow", map[string]any{"job_workflow_ref": "acme/widgets"}, "cannot accept a workload"},
		{
			"a workflow below a folder",
			map[string]any{"job_workflow_ref": "acme/widgets" + workflows + "a/b.yml@refs/tags/v1.0"},
			"workflow",
		},
		{"text that runs backwards", map[string]any{"environment": "\u202egnp"}, "shown safely"},
		{"a new line", map[string]any{"environment": "a\nindex user add eve"}, "shown safely"},
		{"a quote", map[string]any{"environment": "a'b"}, "environment"},
		{"another owner", map[string]any{"repository_owner": "evil"}, "repository_owner"},
		{"an owner id that is none", map[string]any{"repository_owner_id": "-1"}, "owner_id"},
		{"an environment that is a list", map[string]any{"environment": []any{"release"}}, "environment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.project("widgets", "")
			b.add("widgets", "environment", "quiet-harbour")
			b.exchange(b.token(c.over))
			got := b.exchanges(b.operator, "")[0]
			if got.Suggested != nil || !strings.Contains(got.WhyNone, c.why) {
				t.Errorf("suggested %v, because %q; want none because of %q", got.Suggested, got.WhyNone, c.why)
			}
		})
	}
}

// TestSuggestedKeepsRestrictions refuses tokens of platforms for which the nearest publisher has rules on claims. A
// publisher that is suggested restricts the same claims.
func TestSuggestedKeepsRestrictions(t *testing.T) {
	const context = "oidc.circleci.com/context-ids"
	for _, c := range []struct {
		name   string
		like   kind
		rules  map[string]string
		change map[string]any
		keeps  string
	}{
		{
			"CircleCI's context", circleCIKind,
			map[string]string{
				"claim:oidc.circleci.com/project-id": circleProject, "has:" + context: circleContext,
				"claim:oidc.circleci.com/vcs-ref": "refs/heads/other",
			},
			nil, context,
		},
		{
			"Buildkite's pipeline", buildkiteKind,
			map[string]string{
				"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "claim:pipeline_id": pipelineID,
				"claim:build_branch": "other",
			},
			one("build_branch", "main"), "pipeline_id",
		},
		{
			"Buildkite's cluster", buildkiteKind,
			map[string]string{
				"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "claim:cluster_id": circleOrg,
				"claim:build_branch": "other",
			},
			map[string]any{"build_branch": "main", "cluster_id": circleOrg},
			"cluster_id",
		},
		{
			"Buildkite's tag", buildkiteKind,
			map[string]string{
				"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "prefix:build_tag": "v*",
				"claim:step_key": "other",
			},
			map[string]any{"build_branch": "v1.0", "build_tag": "v1.0", "step_key": "publish"},
			"build_tag",
		},
		{
			"Bitbucket's environment", bitbucketKind,
			map[string]string{
				"claim:repositoryUuid": "{" + bitbucketID + "}", "claim:deploymentEnvironmentUuid": "{" + circleOrg + "}",
				"claim:branchName": "other",
			},
			map[string]any{"deploymentEnvironmentUuid": "{" + circleOrg + "}"},
			"deploymentEnvironmentUuid",
		},
		{
			"Semaphore's repository", semaphoreKind,
			map[string]string{
				"claim:prj_id": semaphoreProject, "claim:repo_slug": "acme/widgets", "claim:ref": "refs/tags/other",
				"claim:ref_type": "tag",
			},
			map[string]any{"repo_slug": "acme/widgets", "ref": "refs/tags/v1.0", "ref_type": "tag"},
			"repo_slug",
		},
		{
			"Forgejo's owner", forgejoKind,
			map[string]string{
				"claim:repository": "acme/widgets", "claim:repository_owner_id": "42", "claim:ref": "refs/heads/other",
			},
			map[string]any{"repository_owner_id": "42"},
			"repository_owner_id",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims := over(c.like.claims, c.change)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == absent })
			s := newSite(t, kind{workload.Generic, c.rules, claims})
			s.project("widgets", "")
			s.trust("widgets", nil)
			_, err := s.exchange(s.token(nil))
			refuse(t, err, exchange.CodePublisher, "")
			x := s.exchanges(s.operator, "widgets")[0]
			if len(x.Nearest) != 1 {
				t.Fatalf("the nearest publishers: %+v", x.Nearest)
			}
			if x.Suggested == nil {
				if x.WhyNone == "" {
					t.Error("no suggestion and no reason")
				}
				return
			}
			if _, ok := claims[context]; ok {
				claims[context] = []any{circleContext}
			}
			k := workload.Find(x.SuggestedKind)
			rule, err := k.CompileNew(x.Suggested)
			if err != nil || k.Admits(rule, claims) != nil {
				t.Fatalf("%s %v: %v, %v", x.SuggestedKind, x.Suggested, err, k.Admits(rule, claims))
			}
			delete(claims, c.keeps)
			if k.Admits(rule, claims) == nil {
				t.Errorf("%s %v drops the restriction of %s", x.SuggestedKind, x.Suggested, c.keeps)
			}
		})
	}
}

// TestOnlyRefusedForThePublisherIsSuggested: what a publisher cannot mend gets no line.
func TestOnlyRefusedForThePublisherIsSuggested(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	raw := b.token(nil)
	for _, send := range []func() access.Secret{
		func() access.Secret { return raw }, func() access.Secret { return raw }, func() access.Secret { return "rubbish" },
		func() access.Secret { return b.token(map[string]any{"aud": "elsewhere"}) },
		func() access.Secret { return b.token(map[string]any{"jti": ""}) },
	} {
		b.clock.Pass(time.Second)
		b.exchange(send())
		if x := b.exchanges(b.operator, "")[0]; x.Suggested != nil || x.WhyNone != "" {
			t.Errorf("%s %q suggests %v %s", x.Code, x.Description, x.Suggested, x.WhyNone)
		}
	}
}

// TestDifferencesOfOptions: each optional field that does not fit is named, and no claim twice.
func TestDifferencesOfOptions(t *testing.T) {
	rule, err := workload.GitHub.Compile(fields("ref", "refs/tags/v2*", "ref_protected", "true", "events", "release",
		"runner_environment", "self-hosted"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, event string
		want        string
	}{
		{"an event that is not listed", "push", "ref ref_protected event_name runner_environment"},
		{"an event that may never be", "pull_request_target", "event_name ref ref_protected runner_environment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims := issuertest.New(t, issuertest.Options{Plain: true}).Claims(audience, time.Now(),
				map[string]any{"event_name": c.event})
			var got []string
			for _, m := range workload.GitHub.Differences(rule, claims) {
				got = append(got, m.Claim)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: Differences name %v, want %s", c.name, got, c.want)
			}
		})
	}
}
