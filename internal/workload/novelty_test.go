package workload

import (
	"slices"
	"testing"
)

// TestUnlike checks each mark, in the words that owners read.
func TestUnlike(t *testing.T) {
	github := Claims{
		"ref": "refs/heads/main", "event_name": "push", "environment": "pypi", "runner_environment": "github-hosted",
		"ref_protected": "true", "sha": "0123456789012345678901234567890123456789", "actor": "ann",
		"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/heads/main", "repository": "acme/widgets",
		"repository_owner_id": "42", "repository_id": "7",
	}
	gitlab := Claims{
		"ref_path": "refs/heads/main", "pipeline_source": "push", "project_path": "acme/widgets", "environment": "pypi",
		"ci_config_ref_uri": "gitlab.com/acme/widgets//.gitlab-ci.yml@refs/heads/main", "namespace_id": "72",
	}
	circleci := Claims{
		circleciClaim + "pipeline-definition-id": "one", circleciClaim + "vcs-ref": "refs/heads/main",
		circleciClaim + "vcs-origin": "github.com/acme/widgets", circleciClaim + "context-ids": `["a","b"]`,
	}
	buildkite := Claims{
		"build_branch": "main", "build_source": "webhook", "step_key": "publish", "pipeline_slug": "widgets",
	}
	cluster := Claims{"kubernetes.io": `{"namespace":"ci","serviceaccount":{"name":"publisher","uid":"1"}}`}
	generic := Claims{"sub": "x", "pipeline_source": "push", "build_branch": "main"}
	// Kinds that are not known here have the traits of their fields; those below have a table of their own.
	semaphore, azure, bitbucket := &Kind{name: "semaphore"}, &Kind{name: "azure-devops"}, &Kind{name: "bitbucket"}
	forgejo, bk, k8s := &Kind{name: "forgejo"}, &Kind{name: "buildkite"}, &Kind{name: "kubernetes"}
	for _, c := range []struct {
		kind   *Kind
		before Claims
		now    Claims // changes to before; nil removes a claim
		want   []string
	}{
		{GitHub, github, Claims{}, nil},
		{GitHub, github, Claims{"sha": "1111111111111111111111111111111111111111", "run_id": "2"}, nil},
		{GitHub, github, Claims{
			"ref": "refs/tags/v1", "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/tags/v1",
		}, []string{"first time from a tag"}},
		{GitHub, github, Claims{
			"ref": "refs/heads/x", "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/heads/x",
		}, []string{"first time from branch x"}},
		{GitHub, github, Claims{
			"ref": "refs/pull/9/merge", "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/pull/9/merge",
		}, []string{"first time from a pull request"}},
		{GitHub, github, Claims{"event_name": "release"}, []string{"first time started by release"}},
		{
			GitHub, github,
			Claims{"event_name": "workflow_dispatch"},
			[]string{"first time started by hand (workflow_dispatch)"},
		},
		{GitHub, github, Claims{"environment": "test"}, []string{"first time in environment test"}},
		{GitHub, github, Claims{"environment": nil}, []string{"first time without an environment"}},
		{
			GitHub, github,
			Claims{"job_workflow_ref": "acme/widgets/.github/workflows/other.yml@refs/heads/main"},
			[]string{"new workflow file: acme/widgets/.github/workflows/other.yml"},
		},
		{
			GitHub, github,
			Claims{"job_workflow_ref": "acme/ci/.github/workflows/release.yml@v2"},
			[]string{"new workflow file: acme/ci/.github/workflows/release.yml@v2"},
		},
		{GitHub, github, Claims{"runner_environment": "self-hosted"}, []string{"first time on self-hosted runners"}},
		{GitHub, github, Claims{"ref_protected": "false"}, []string{"first time from an unprotected ref"}},
		{GitHub, github, Claims{"repository": "acme/gadgets"}, []string{"new name of the repository: acme/gadgets"}},
		{GitHub, github, Claims{"repository_owner_id": "43"}, []string{"new owner ID: 43"}},
		{GitHub, github, Claims{"repository_id": "8"}, []string{"new repository ID: 8"}},
		{GitHub, github, Claims{"actor": "bob"}, []string{"first time started by the user bob"}},
		// A claim that no earlier token had is a change of the platform.
		{GitHub, github, Claims{"workflow_ref": "acme/widgets/.github/workflows/main.yml@refs/heads/main"}, nil},
		{GitHub, github, Claims{"ref": nil}, []string{
			"first time without a ref",
			"new workflow file: acme/widgets/.github/workflows/release.yml@refs/heads/main",
		}},

		{GitLab, gitlab, Claims{"pipeline_source": "web"}, []string{"first time started by hand (web)"}},
		{GitLab, gitlab, Claims{"pipeline_source": "schedule"}, []string{"first time started by schedule"}},
		{GitLab, gitlab, Claims{
			"ref_path":          "refs/merge-requests/1/head",
			"ci_config_ref_uri": "gitlab.com/acme/widgets//.gitlab-ci.yml@refs/merge-requests/1/head",
		}, []string{"first time from a merge request"}},
		{
			GitLab, gitlab,
			Claims{"ci_config_ref_uri": "gitlab.com/acme/widgets//ci/x.yml@refs/heads/main"},
			[]string{"new pipeline file: gitlab.com/acme/widgets//ci/x.yml"},
		},
		{GitLab, gitlab, Claims{"namespace_id": "73"}, []string{"new namespace ID: 73"}},

		{
			CircleCI, circleci,
			Claims{circleciClaim + "pipeline-definition-id": "two"},
			[]string{"new pipeline definition: two"},
		},
		{CircleCI, circleci, Claims{circleciClaim + "vcs-ref": "refs/tags/v1"}, []string{"first time from a tag"}},
		{CircleCI, circleci, Claims{circleciClaim + "vcs-ref": nil}, []string{"first time without a ref"}},
		{
			CircleCI, circleci,
			Claims{circleciClaim + "vcs-origin": "github.com/eve/widgets"},
			[]string{"new repository: github.com/eve/widgets"},
		},
		{CircleCI, circleci, Claims{circleciClaim + "context-ids": `["b"]`}, nil},
		{CircleCI, circleci, Claims{circleciClaim + "context-ids": `["b","c"]`}, []string{"first time in context c"}},
		{CircleCI, circleci, Claims{circleciClaim + "context-ids": []any{}}, []string{"first time without a context"}},

		{bk, buildkite, Claims{"build_branch": "fix"}, []string{"first time from branch fix"}},
		{bk, buildkite, Claims{"build_tag": "v1"}, []string{"first time from a tag"}},
		{bk, buildkite, Claims{"build_source": "ui"}, []string{"first time started by hand (ui)"}},
		{bk, buildkite, Claims{"step_key": "other"}, []string{"new step: other"}},
		{bk, buildkite, Claims{"step_key": nil}, []string{"first time in a step without a key"}},
		{bk, buildkite, Claims{"pipeline_slug": "gadgets"}, []string{"new pipeline: gadgets"}},
		{
			semaphore,
			Claims{"ref": "refs/heads/main", "job_type": "pipeline_job"},
			Claims{"job_type": "debug_job"},
			[]string{"new type of job: debug_job"},
		},
		{
			azure,
			Claims{"def_id": "1", "rpo_ref": "refs/heads/main"},
			Claims{"def_id": "2", "rpo_ref": "refs/tags/v1"},
			[]string{"new pipeline definition: 2", "first time from a tag"},
		},
		{
			bitbucket,
			Claims{"branchName": "main", "deploymentEnvironmentUuid": "{1}"},
			Claims{"branchName": nil, "deploymentEnvironmentUuid": nil},
			[]string{"first time without a branch", "first time without an environment"},
		},
		{
			forgejo,
			Claims{
				"event_name": "push", "workflow_ref": "a/b/.forgejo/workflows/x.yml@refs/heads/main", "ref": "refs/heads/main",
			},
			Claims{"event_name": "schedule", "workflow_ref": "a/b/.forgejo/workflows/y.yml@refs/heads/main"},
			[]string{"first time started by schedule", "new workflow file: a/b/.forgejo/workflows/y.yml"},
		},
		{
			k8s, cluster,
			Claims{"kubernetes.io": `{"serviceaccount":{"name":"publisher","uid":"2"}}`},
			[]string{"new service account ID: 2"},
		},
		{k8s, cluster, Claims{"kubernetes.io": `{"pod":{"name":"p"},"serviceaccount":{"uid":"1"}}`}, nil},
		// Rules on claims find what is new on every platform.
		{Generic, generic, Claims{"pipeline_source": "web"}, []string{"first time started by hand (web)"}},
		{Generic, generic, Claims{"build_branch": "fix"}, []string{"first time from branch fix"}},
		{Generic, generic, Claims{"another": "claim"}, nil},
	} {
		now := Claims{}
		for name, v := range c.before {
			now[name] = v
		}
		for name, v := range c.now {
			if now[name] = v; v == nil {
				delete(now, name)
			}
		}
		n := c.kind.Novelty()
		n.Add(c.before)
		n.Add(c.before)
		var got []string
		for _, m := range n.Unlike(now, func(string) bool { return true }, true) {
			got = append(got, m.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s with %v: marks %q, want %q", c.kind.name, c.now, got, c.want)
		}
		n.Add(now)
		if again := n.Unlike(now, func(string) bool { return true }, true); len(again) > 0 {
			t.Errorf("%s with %v again: marks %v, want none", c.kind.name, c.now, again)
		}
	}
}

// TestUnlikeWords checks the words for an incomplete history and for a reader who may not see the value.
func TestUnlikeWords(t *testing.T) {
	n := GitHub.Novelty()
	run := Claims{"ref": "refs/heads/main", "runner_environment": "github-hosted", "repository_owner_id": "42"}
	now := Claims{"ref": "refs/tags/v1", "runner_environment": "self-hosted", "repository_owner_id": "43"}
	all, none := func(string) bool { return true }, func(string) bool { return false }
	if got := n.Unlike(now, all, true); got != nil {
		t.Errorf("the first run has the marks %v", got)
	}
	n.Add(run)
	for _, c := range []struct {
		visible func(string) bool
		whole   bool
		want    []Mark
	}{
		{all, true, []Mark{
			{"ref", "first time from a tag"},
			{"runner_environment", "first time on self-hosted runners"},
			{"repository_owner_id", "new owner ID: 43"},
		}},
		{all, false, []Mark{
			{"ref", "first time in the recorded history from a tag"},
			{"runner_environment", "first time in the recorded history on self-hosted runners"},
			{"repository_owner_id", "new owner ID in the recorded history: 43"},
		}},
		{none, true, []Mark{
			{"ref", "first time from another ref"},
			{"runner_environment", "first time on another kind of runner"},
			{"repository_owner_id", "new owner ID"},
		}},
		{none, false, []Mark{
			{"ref", "first time in the recorded history from another ref"},
			{"runner_environment", "first time in the recorded history on another kind of runner"},
			{"repository_owner_id", "new owner ID in the recorded history"},
		}},
	} {
		if got := n.Unlike(now, c.visible, c.whole); !slices.Equal(got, c.want) {
			t.Errorf("Unlike(whole: %v) = %q, want %q", c.whole, got, c.want)
		}
	}
}

// TestEveryFieldIsATrait checks that a claim that a rule of any kind can restrict is compared with earlier runs.
func TestEveryFieldIsATrait(t *testing.T) {
	for _, k := range All {
		for _, f := range k.Fields {
			if f.Claim != "" && !slices.ContainsFunc(k.traitsOf(), func(t trait) bool { return t.claim == f.Claim }) {
				t.Errorf("%s: claim %s of field %s is not compared", k.name, f.Claim, f.Name)
			}
		}
	}
	for name, all := range traits {
		for _, tr := range all {
			if tr.says == "" || tr.plain == "" {
				t.Errorf("%s: trait %s has no words", name, tr.claim)
			}
		}
	}
}
