package workload_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

const (
	contextsClaim = "oidc.circleci.com/context-ids"
	shellClaim    = "oidc.circleci.com/ssh-rerun"
)

// TestRulesThatNeverFit: a rule that no token can fit is refused when it is written, and a stored one keeps compiling.
func TestRulesThatNeverFit(t *testing.T) {
	for _, c := range []struct{ rules, want string }{
		{"sub=x\nevent_name=pull_request_target", "strangers can start it"},
		{"sub=x\nevent_name=Pull_Request_Target", "strangers can start it"},
		{"sub=x\nevent_name=push\nevent_name=pull_request_target", "strangers can start it"},
		{"prj_id=x\njob_type=debug_job", "somebody has a shell"},
		{"prj_id=x\njob_type=project_debug_job", "somebody has a shell"},
		{"sub=x\n" + shellClaim + "=true", "somebody has a shell in it"},
		{"sub=x\n" + shellClaim + "=no", "true or false"},
		{"sub=x\n" + contextsClaim + "=a", "it is a list, so require one of its values with “has”"},
		{"sub=x\n" + contextsClaim + "=a\n" + contextsClaim + "=b", "it is a list"},
		{"sub=x\ngroups_direct=acme", "it is a list"},
		{"sub=x\nkubernetes.io=ci", "it is an object"},
		{"sub=x\njob_config has y", "it is an object"},
		{"sub=x\nref has refs/heads/main", "not a list"},
		{"sub=x\nrepository has acme/widgets", "not a list"},
		{"sub=x\n" + shellClaim + " has false", "not a list"},
		{"sub=x\nrunner_id=abc", "it is a whole number"},
		{"sub=x\nbuild_number=012", "it is a whole number"},
		{"sub=x\nref_protected=yes", "it is true or false"},
		{"sub=x\nref_path=main", "begins with refs/"},
		{"sub=x\nrepo_property_regions has a,b", "without a comma"},

		{"sub=repo:acme/widgets:environment:pypi\nrepository=acme/gadgets", `claim repository is "acme/widgets"`},
		{"sub=repo:acme@1/widgets@2:ref:refs/heads/main\nrepository=acme/gadgets", `claim repository is "acme/widgets"`},
		{"sub=repo:acme@1/widgets@2:ref:refs/heads/main\nrepository_id=3", `claim repository_id is "2"`},
		{"sub=repo:acme@1/widgets@2:ref:refs/heads/main\nrepository_owner_id=3", `claim repository_owner_id is "1"`},
		{"sub=repo:acme/widgets:environment:pypi\nenvironment=test", `claim environment is "pypi"`},
		{"sub=repo:acme/widgets:ref:refs/heads/main\nref=refs/tags/*", `claim ref is "refs/heads/main"`},
		{"sub=repo:acme/widgets:pull_request\nevent_name=push", `claim event_name is "pull_request"`},
		{"sub=repo:a/b:ref:refs/heads/x\nsub=repo:a/c:ref:refs/heads/x\nrepository=a/d", `claim repository is "a/b"`},
		{"repository=acme/widgets\nrepository_owner=mallory", `claim repository_owner is "acme"`},
		{"repository=acme/widgets\nref=refs/tags/*\nref_type=branch", `claim ref_type is "tag"`},
		{
			"repository=acme/widgets\nworkflow_ref=acme/ci/.github/workflows/x.yml@refs/heads/main",
			`claim repository is "acme/ci"`,
		},
		{"project_path=acme/libs/widgets\nnamespace_path=acme", `claim namespace_path is "acme/libs"`},
		{"sub=project_path:acme/widgets:ref_type:tag:ref:v1\nproject_path=acme/gadgets", `claim project_path is "acme/widgets"`},
		{"sub=organization:acme:pipeline:w:ref:x:commit:y:step:z\npipeline_slug=v", `claim pipeline_slug is "w"`},
		{"sub=org/a/project/b/user/c\noidc.circleci.com/project-id=d", `claim oidc.circleci.com/project-id is "b"`},
		{"sub=org:acme:project:a:repo:w:ref_type:tag:ref:x\nprj_id=b", `claim prj_id is "a"`},
	} {
		fields, err := workload.ParseClaims(c.rules)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := workload.Generic.CompileNew(fields); !fault.Is(err, fault.Invalid) ||
			!strings.Contains(err.Error(), "no token can fit") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("CompileNew(%q) = %v, want a refusal with %q", c.rules, err, c.want)
		}
		if _, err := workload.Generic.Compile(fields); err != nil {
			t.Errorf("Compile(%q) = %v", c.rules, err)
		}
	}
}

func TestRulesThatMayFit(t *testing.T) {
	for _, rules := range []string{
		"sub=x\nevent_name=push",
		"sub=x\n" + shellClaim + "=false",
		"sub=x\n" + contextsClaim + " has a",
		"sub=x\nrelease=true\nstage=3",
		"sub=repo:acme/widgets:environment:pypi\nrepository=Acme/Widgets\nenvironment=PyPI\nref=refs/tags/*",
		"sub=repo:acme/widgets:environment:pypi%3Aprod\nenvironment=pypi:prod",
		"sub=repo:acme/widgets:ref:refs/heads/main\nref=refs/heads/main\nref_type=branch",
		"sub=repo:a/b:ref:refs/heads/x\nsub=repo:a/c:ref:refs/heads/x\nrepository=a/c",
		"sub=repo:acme-1/widgets-2:ref:refs/heads/main\nrepository=acme/widgets", // Forgejo
		"repository=acme/widgets\nworkflow_ref=acme/widgets/.forgejo/workflows/x.yml@refs/tags/*",
		"repository=acme/widgets\nrepo_property_regions has eu-west-1\nrepo_property_team=a,b",
		"sub=repo:acme/widgets:job_workflow_ref:x\nref=refs/heads/main\nenvironment=y",
		"project_path=acme/libs/widgets\nnamespace_path=acme/libs\nref_path=refs/tags/*",
	} {
		fields, err := workload.ParseClaims(rules)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := workload.Generic.CompileNew(fields)
		if err != nil {
			t.Errorf("CompileNew(%q) = %v", rules, err)
		}
		again, err := workload.ParseClaims(workload.ClaimsText(rule.Fields))
		if stored, err2 := workload.Generic.Compile(again); err != nil || err2 != nil ||
			workload.ClaimsText(stored.Fields) != workload.ClaimsText(rule.Fields) {
			t.Errorf("%q is written as %q (%v, %v)", rules, workload.ClaimsText(rule.Fields), err, err2)
		}
	}
}

// TestHasRules: a claim that holds a list has one rule.
func TestHasRules(t *testing.T) {
	for _, bad := range []string{"sub=a\nx has b\nx has c", "sub=a\nx has ", "sub=a\n has b", "sub=a\nx has b\nx=b"} {
		fields, err := workload.ParseClaims(bad)
		if err == nil {
			_, err = workload.Generic.Compile(fields)
		}
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	rule, err := workload.Generic.Compile(map[string]string{"claim:sub": "x", "has:groups_direct": "acme"})
	if err != nil {
		t.Fatal(err)
	}
	want := "jobs of h.example whose sub is x, groups_direct has acme"
	if got := workload.Generic.Describe("https://h.example", rule.Fields).String(); got != want {
		t.Errorf("Describe = %q, want %q", got, want)
	}
}

// TestPossibleRefs checks that rules on refs that no token of the platform has are refused when they are written, and
// that the rule which a warning suggests is one that the platform's tokens can fit.
func TestPossibleRefs(t *testing.T) {
	const id = "01890000-0000-4000-8000-00000000000a"
	slugs := map[string]string{"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets"}
	circle := map[string]string{"claim:oidc.circleci.com/project-id": id}
	for _, c := range []struct {
		base         map[string]string
		field, value string
		ok           bool
	}{
		{map[string]string{"claim:repository": "a/b"}, "claim:ref", "refs/heads/*", false},
		{map[string]string{"claim:repository": "a/b"}, "oneof:ref", "refs/heads/main\nrefs/tags/*", false},
		{map[string]string{"claim:repository": "a/b"}, "prefix:ref", "refs/heads/*", true},
		{slugs, "claim:build_branch", "main*", false},
		{slugs, "claim:build_branch", "main", true},
		{slugs, "prefix:ref", "refs/tags/*", false},
		{slugs, "prefix:build_tag", "v*", true},
		{circle, "prefix:ref", "refs/tags/*", false},
		{circle, "prefix:ref_path", "refs/tags/*", false},
		{circle, "prefix:oidc.circleci.com/vcs-ref", "refs/tags/*", true},
		{map[string]string{"claim:sub": "sc://acme/widgets/pypi"}, "prefix:rpo_ref", "refs/tags/*", false},
		{map[string]string{"claim:sub": "p://acme/widgets/release"}, "prefix:rpo_ref", "refs/tags/*", true},
		{map[string]string{"claim:sub": "p://acme/widgets/release"}, "prefix:ref", "refs/tags/*", false},
		{map[string]string{"claim:project_path": "a/b"}, "prefix:rpo_ref", "refs/tags/*", false},
		{map[string]string{"claim:project_path": "a/b"}, "prefix:ref_path", "refs/tags/*", true},
		{map[string]string{"claim:repositoryUuid": "{" + id + "}"}, "claim:ref", "refs/tags/v1", false},
		{map[string]string{"claim:repositoryUuid": "{" + id + "}"}, "claim:branchName", "main*", false},
	} {
		rules := map[string]string{c.field: c.value}
		maps.Copy(rules, c.base)
		if _, err := workload.Generic.CompileNew(rules); (err == nil) != c.ok || err != nil && fault.FieldOf(err) != c.field {
			t.Errorf("CompileNew(%v) = %v in %q, want a rule: %v", rules, err, fault.FieldOf(err), c.ok)
		}
	}
	for issuer, rules := range map[string]map[string]string{
		"":                                 circle,
		"https://ci.acme.example":          slugs,
		"https://git.acme.example":         {"claim:project_path": "a/b"},
		"https://bitbucket.acme.example":   {"claim:repositoryUuid": "{" + id + "}"},
		"https://a.semaphoreci.com":        {"claim:prj_id": id},
		"https://x.example/api/actions":    {"claim:repository": "a/b"},
		"https://vstoken.dev.azure.com/id": {"claim:sub": "p://acme/widgets/release"},
		"https://vstoken.dev.azure.com/":   {"claim:sub": "sc://acme/widgets/pypi"},
	} {
		for _, w := range workload.Generic.Warnings(issuer, rules, "") {
			if w.Value == "" {
				continue
			}
			more, err := workload.ParseClaims(w.Value)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(more, rules)
			if _, err := workload.Generic.CompileNew(more); err != nil {
				t.Errorf("the warning %q suggests %s: %v", w.Text, w.Value, err)
			}
		}
	}
	all := workload.Generic.Warnings("https://x.example/api/actions", map[string]string{"claim:repository": "a/b"}, "")
	if !slices.ContainsFunc(all, func(w workload.Warning) bool { return strings.Contains(w.Text, "kind forgejo") }) {
		t.Errorf("the warnings about rules of an issuer of Forgejo: %v", all)
	}
}
