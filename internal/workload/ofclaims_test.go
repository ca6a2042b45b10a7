package workload_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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

// TestOfClaimsRefuses checks that rules on claims do not become fields that admit more.
func TestOfClaimsRefuses(t *testing.T) {
	const id = "01890000-0000-4000-8000-00000000000a"
	circle := map[string]string{"claim:oidc.circleci.com/project-id": id}
	buildkite := map[string]string{"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets"}
	forgejo := map[string]string{
		"claim:repository": "acme/widgets", "prefix:workflow_ref": "acme/widgets/.forgejo/workflows/a.yml@*",
	}
	azure := map[string]string{"claim:sub": "p://acme/widgets/release"}
	for _, c := range []struct {
		kind         *workload.Kind
		base         map[string]string
		field, value string
		ok           bool
	}{
		{workload.CircleCI, circle, "claim:sub", "org/" + id + "/project/" + id + "/user/" + id, false},
		{workload.CircleCI, circle, "claim:oidc.circleci.com/ssh-rerun", "true", false},
		{workload.CircleCI, circle, "claim:oidc.circleci.com/ssh-rerun", "false", true},
		{workload.CircleCI, circle, "claim:oidc.circleci.com/vcs-ref", "refs/heads/*", false},
		{workload.CircleCI, circle, "prefix:oidc.circleci.com/vcs-ref", "refs/heads/*", true},
		{workload.CircleCI, circle, "has:oidc.circleci.com/context-ids", id, true},
		{workload.CircleCI, circle, "claim:oidc.circleci.com/context-ids", id, false},
		{workload.Buildkite, buildkite, "claim:build_branch", "main*", false},
		{workload.Buildkite, buildkite, "claim:build_tag", "*", false},
		{workload.Buildkite, buildkite, "claim:build_branch", "main", true},
		{workload.Buildkite, buildkite, "claim:build_source", "webhook,ui", false},
		{workload.Buildkite, buildkite, "oneof:build_source", "ui,api\nwebhook", false},
		{workload.Buildkite, buildkite, "claim:build_source", "webhook", true},
		{workload.Buildkite, buildkite, "oneof:pipeline_id", id + "\nx", false},
		{workload.Bitbucket, map[string]string{"claim:repositoryUuid": "{" + id + "}"}, "claim:branchName", "main*", false},
		{workload.Bitbucket, map[string]string{"claim:repositoryUuid": "{" + id + "}"}, "claim:branchName", "main", true},
		{workload.Forgejo, forgejo, "claim:ref", "refs/heads/*", false},
		{workload.Forgejo, forgejo, "claim:event_name", "push,release", false},
		{workload.Forgejo, forgejo, "claim:event_name", "push", true},
		{
			workload.Semaphore,
			map[string]string{"claim:prj_id": id, "claim:ref_type": "branch,tag"},
			"claim:job_type",
			"pipeline_job", false,
		},
		{
			workload.Semaphore,
			map[string]string{"claim:prj_id": id, "claim:ref_type": "tag"},
			"claim:job_type",
			"pipeline_job", true,
		},
		{workload.Semaphore, map[string]string{"claim:prj_id": id}, "claim:job_type", "other", false},
		{workload.AzureDevOps, azure, "claim:rpo_ref", "refs/heads/*", false},
		{workload.AzureDevOps, azure, "claim:prj_id", id, true},
		{workload.AzureDevOps, map[string]string{"claim:prj_id": id}, "claim:sub", "x://acme/widgets/release", false},
		{workload.AzureDevOps, map[string]string{"claim:prj_id": id}, "claim:sub", "p://acme/widgets/release/more", false},
		{workload.Jenkins, nil, "claim:sub", "https://jenkins.acme.example/job/widgets", false},
		{workload.Jenkins, nil, "claim:sub", "https://jenkins.acme.example/job/widgets/", true},
		{workload.Kubernetes, nil, "claim:sub", "system:serviceaccount:ci", false},
		{workload.Kubernetes, nil, "claim:sub", "system:serviceaccount:ci:publisher", true},
		{workload.Kubernetes, nil, "oneof:sub", "system:serviceaccount:ci:a\nsystem:serviceaccount:ci:b", false},
	} {
		rules := map[string]string{c.field: c.value}
		maps.Copy(rules, c.base)
		if got, err := c.kind.OfClaims(rules); (err == nil) != c.ok {
			t.Errorf("%s: OfClaims(%v) = %v, %v; want fields: %v", c.kind.Name(), rules, got, err, c.ok)
		}
	}
	for _, ref := range []string{"refs/tags/x", "refs/tags/v1", "refs/heads/main"} {
		at := "acme/widgets/.forgejo/workflows/a.yml@" + ref
		rules := map[string]string{"claim:repository": "acme/widgets", "claim:workflow_ref": at}
		if got, err := workload.Forgejo.OfClaims(rules); err == nil {
			t.Errorf("OfClaims(%v) = %v, want an error", rules, got)
		}
		rules["claim:ref"] = ref
		if got, err := workload.Forgejo.OfClaims(rules); err != nil || got["workflow"] != "a.yml" || got["ref"] != ref {
			t.Errorf("OfClaims(%v) = %v, %v", rules, got, err)
		}
	}
}

// TestOfClaimsNeverWidens makes rules on claims from the tokens of each platform, in each form, and replaces them by
// fields of the platform's kind: no job that was refused before is admitted after.
func TestOfClaimsNeverWidens(t *testing.T) {
	for _, k := range workload.All {
		if !k.IsShared() {
			continue
		}
		t.Run(k.Name(), func(t *testing.T) {
			tab, replaced := readTable(t, k.Name()), 0
			for _, token := range tab.Tokens {
				for _, rules := range rulesLike(token) {
					old, err := workload.Generic.Compile(rules)
					if err != nil {
						continue
					}
					fields, err := k.OfClaims(old.Fields)
					if err != nil {
						continue
					}
					for name, v := range k.Recognize(token) {
						if f, _ := k.Field(name); f.Required && fields[name] == "" {
							fields[name] = v
						}
					}
					rule, err := k.CompileNew(fields)
					if err != nil || k.Implies(rule, old.Fields) != nil {
						continue
					}
					replaced++
					for _, job := range jobsLike(token, tab.Tokens) {
						before, after := workload.Generic.Admits(old, job), k.Admits(rule, job)
						if lookup, err := k.Lookup(job); err == nil && lookup == rule.Lookup && before != nil && after == nil {
							t.Fatalf("%v becomes %v, which admits %v: before, %v", old.Fields, rule.Fields, job, before)
						}
					}
				}
			}
			if replaced < 3 {
				t.Errorf("only %d rules were replaced", replaced)
			}
		})
	}
}

// rulesLike returns rules that restrict one or two of a token's claims, in each form.
func rulesLike(token workload.Claims) []map[string]string {
	var one []map[string]string
	for claim, v := range token {
		s := fmt.Sprint(v)
		if all, ok := v.([]any); ok && len(all) > 0 {
			one = append(one, map[string]string{"has:" + claim: fmt.Sprint(all[0])})
		}
		for _, end := range []string{"", "*", "/", "/*", ",x"} {
			one = append(one, map[string]string{"claim:" + claim: s + end})
		}
		stem := s[:strings.LastIndexAny(s, "/@")+1]
		one = append(one, map[string]string{"oneof:" + claim: s + "\nx"}, map[string]string{"claim:" + claim: stem + "*"},
			map[string]string{"prefix:" + claim: s + "*"}, map[string]string{"prefix:" + claim: stem + "*"})
	}
	out := slices.Clone(one)
	for _, a := range one {
		for claim, v := range token {
			b := map[string]string{"claim:" + claim: fmt.Sprint(v)}
			both := maps.Clone(a)
			maps.Copy(both, b)
			out = append(out, both)
		}
	}
	return out
}

// jobsLike returns a token with one or two claims changed or removed.
func jobsLike(token workload.Claims, tokens map[string]workload.Claims) []workload.Claims {
	out := []workload.Claims{token}
	for claim, v := range token {
		s := fmt.Sprint(v)
		others := []any{
			"", "x", s + "x", s + ",x", s + "/x", s + "*", true, false, []any{s}, s[:strings.LastIndexAny(s, "/@")+1] + "x",
		}
		for _, other := range tokens {
			others = append(others, other[claim])
		}
		for _, o := range others {
			job := maps.Clone(token)
			if job[claim] = o; o == nil {
				delete(job, claim)
			}
			out = append(out, job)
		}
	}
	return out
}

// TestAmendClaims checks that a stored rule on a ref does not become a publisher without it for a service connection,
// whose tokens have none.
func TestAmendClaims(t *testing.T) {
	rules := map[string]string{"claim:sub": "sc://acme/widgets/pypi", "prefix:rpo_ref": "refs/tags/*"}
	for _, token := range []workload.Claims{
		{"sub": "sc://acme/widgets/pypi"}, {"sub": "sc://acme/widgets/pypi", "rpo_ref": "refs/heads/main"},
	} {
		if got, err := workload.AzureDevOps.AmendClaims(rules, token); err == nil {
			t.Errorf("AmendClaims for %v = %v, want an error", token, got)
		}
	}
}
