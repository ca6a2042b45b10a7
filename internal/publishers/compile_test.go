package publishers_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// TestCompileAgain: what a rule was compiled to compiles to itself, which is how rows are read.
func TestCompileAgain(t *testing.T) {
	for _, k := range everyKind {
		first, err := k.provider.Compile(k.fields)
		if err != nil {
			t.Fatalf("%s: Compile(%v) = %v", k.provider.Name(), k.fields, err)
		}
		again, err := k.provider.Compile(first.Fields)
		again.OwnerID = first.OwnerID
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("%s: Compile(its own fields) = %v; difference %s", k.provider.Name(), err, diff)
		}
	}
}

// TestPresets: the preset of a platform adds a rule of the platform's own kind, with the fields that it had.
func TestPresets(t *testing.T) {
	for _, c := range []struct {
		fields map[string]string
		kind   string
		want   map[string]string
	}{
		{
			map[string]string{"preset": "jenkins", "job": "https://jenkins.acme.example/job/release/"},
			"jenkins",
			map[string]string{"job": "https://jenkins.acme.example/job/release/"},
		},
		{
			map[string]string{
				"preset": "azure-devops", "organization": "acme", "project": "Widgets Inc", "pipeline": "release",
				"ref": "refs/tags/v*",
			},
			"azure-devops",
			map[string]string{
				"organization": "acme", "project": "widgets inc", "pipeline": "release", "ref": "refs/tags/v*",
			},
		},
		{
			map[string]string{"preset": "azure-devops", "organization": "acme", "project": "w", "connection": "pypi"},
			"azure-devops",
			map[string]string{
				"organization": "acme", "project": "w", "pipeline": "", "connection": "pypi", "ref": "",
			},
		},
		{
			map[string]string{"preset": "kubernetes", "namespace": "ci", "service_account": "publisher"},
			"kubernetes",
			map[string]string{"namespace": "ci", "service_account": "publisher"},
		},
		{
			map[string]string{
				"preset": "circleci", "circleci_org_id": circleOrg, "circleci_project_id": circleProject,
				"pipeline_definition_id": circlePipeline, "ref": "refs/tags/v*",
			},
			"circleci",
			map[string]string{
				"org_id": circleOrg, "project_id": circleProject, "pipeline_definition_id": circlePipeline,
				"vcs_ref": "refs/tags/v*", "vcs_origin": "",
			},
		},
		{
			map[string]string{
				"preset": "buildkite", "organization": "acme", "pipeline": "widgets", "tag": "v*", "source": "webhook",
			},
			"buildkite",
			map[string]string{
				"organization": "acme", "pipeline": "widgets", "tag": "v*", "branch": "", "source": "webhook",
			},
		},
	} {
		kind, fields := workload.OfPreset("generic", c.fields)
		if kind != c.kind {
			t.Errorf("OfPreset(%v) = %s", c.fields, kind)
			continue
		}
		r, err := workload.Find(kind).Compile(fields)
		if diff := cmp.Diff(c.want, r.Fields); err != nil || diff != "" {
			t.Errorf("Compile(%v) = %v; difference %s", fields, err, diff)
		}
	}
}

// TestRequiredFields checks that a field that every rule of a kind needs is called required, not malformed.
func TestRequiredFields(t *testing.T) {
	for _, c := range []struct {
		preset, field, want string
	}{
		{"circleci", "project_id", "org_id is required"},
		{"buildkite", "organization", "pipeline is required"},
		{"jenkins", "", "job is required"},
	} {
		kind, fields := workload.OfPreset("generic", map[string]string{"preset": c.preset, c.field: circleProject})
		delete(fields, "")
		if _, err := workload.Find(kind).Compile(fields); err == nil || fault.Message(err) != c.want {
			t.Errorf("%s with only %q: %v, want %s", c.preset, c.field, err, c.want)
		}
	}
}

// TestCompileRefuses: each change of good fields is refused with a word that says which.
func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		kind
		changes map[string]string
		word    string
	}{
		{strictKind, rule("ref", "v*"), "ref"},
		{strictKind, rule("ref", "refs/*"), "ref"},
		{strictKind, rule("ref", "*"), "ref"},
		{strictKind, rule("ref", "refs/tags/*v"), "ref"},
		{strictKind, rule("ref", "refs/tags/v**"), "ref"},
		{strictKind, rule("ref", "refs/heads/"), "ref"},
		{strictKind, rule("ref", "refs//x"), "ref"},
		{strictKind, rule("ref", "refs/tags/v?"), "ref"},
		{strictKind, rule("ref", "refs/tags/a b"), "ref"},
		{strictKind, rule("ref", "refs/tags/"+strings.Repeat("v", 300)), "ref"},
		{strictKind, rule("ref", "Refs/tags/v1"), "ref"},
		{strictKind, rule("ref_protected", "yes"), "ref_protected"},
		{strictKind, rule("ref_protected", "false"), "ref_protected"},
		{strictKind, rule("events", "push,,release"), "events"},
		{strictKind, rule("events", "Push"), "events"},
		{strictKind, rule("events", "push,pull_request_target"), "pull_request_target"},
		{strictKind, rule("runner_environment", "my runner"), "runner_environment"},
		{strictKind, rule("repository_id", "07"), "repository_id"},
		{strictKind, rule("repository_id", "First"), "repository_id"},
		{strictKind, rule("repository_id", "first"), "omit owner_id"},
		{strictKind, rule("calling_workflow", "a/b.yml"), "workflow"},
		{strictKind, rule("workflow_repository", "acme/shared"), "must be set together"},
		{strictKind, rule("workflow_at", "refs/tags/v1"), "must be set together"},
		{
			strictKind, map[string]string{"workflow_repository": "shared", "workflow_at": "refs/tags/v1"}, "workflow_repository",
		},
		{strictKind, map[string]string{"workflow_repository": "acme/shared", "workflow_at": "main"}, "workflow_at"},
		{strictKind, map[string]string{"workflow_repository": "acme/shared", "workflow_at": "abc123"}, "workflow_at"},
		{strictKind, rule("branch", "main"), "branch"},

		{gitlabKind, rule("namespace", ""), "namespace"},
		{gitlabKind, rule("namespace", "/acme"), "namespace"},
		{gitlabKind, rule("namespace", "acme//libs"), "namespace"},
		{gitlabKind, rule("namespace", "acme/.."), "namespace"},
		{gitlabKind, rule("namespace", "-acme"), "namespace"},
		{gitlabKind, rule("namespace", "acmé"), "namespace"},
		{gitlabKind, rule("namespace", "acme.git"), "namespace"},
		{gitlabKind, rule("namespace", strings.Repeat("a/", 30)+"a"), "namespace"},
		{gitlabKind, rule("project", ""), "project"},
		{gitlabKind, rule("project", "acme/widgets"), "project"},
		{gitlabKind, rule("project", "widgets."), "project"},
		{gitlabKind, rule("project", "widgets.ATOM"), "project"},
		{gitlabKind, rule("workflow_filepath", ""), "workflow_filepath"},
		{gitlabKind, rule("workflow_filepath", "/ci.yml"), "workflow_filepath"},
		{gitlabKind, rule("workflow_filepath", "ci/../x.yml"), "workflow_filepath"},
		{gitlabKind, rule("workflow_filepath", "https://evil.example/ci.yml"), "workflow_filepath"},
		{gitlabKind, rule("workflow_filepath", "ci.txt"), "workflow_filepath"},
		{gitlabKind, rule("workflow_filepath", ".yml"), "workflow_filepath"},
		{gitlabKind, rule("environment", " x"), "environment"},
		{gitlabKind, rule("environment", "a;b"), "environment"},
		{gitlabKind, rule("environment", "a\nb"), "environment"},
		{gitlabKind, rule("namespace_id", "acme"), "namespace_id"},
		{gitlabKind, rule("project_id", "-1"), "project_id"},
		{gitlabKind, rule("project_id", "first"), "omit namespace_id"},
		{gitlabKind, rule("owner", "acme"), "owner"},
		{gitlabKind, rule("ref", "main"), "ref"},

		{googleKind, rule("email", ""), "email"},
		{googleKind, rule("email", "publisher"), "email"},
		{googleKind, rule("email", "a@b@c.example"), "email"},
		{googleKind, rule("email", "a b@c.example"), "email"},
		{googleKind, rule("email", "@acme.example"), "email"},
		{googleKind, rule("sub", "1 2"), "sub"},
		{googleKind, rule("hd", "acme.example"), "hd"},

		{activeStateKind, rule("organization", ""), "organization"},
		{activeStateKind, rule("organization", "a:b"), "organization"},
		{activeStateKind, rule("project", "a/b"), "project"},
		{activeStateKind, rule("actor_id", ""), "actor_id"},
		{activeStateKind, rule("actor_id", "alice"), "actor_id"},
		{activeStateKind, rule("actor", "alice"), "actor"},

		{forgejoKind, rule("owner", ""), "owner"},
		{forgejoKind, rule("repository", "a/b"), "repository"},
		{forgejoKind, rule("workflow", "a@b.yml"), "workflow"},
		{forgejoKind, rule("workflow", "x/../../y.yml"), "workflow"},
		{forgejoKind, rule("workflow", "*"), "workflow"},
		{forgejoKind, rule("claim:sub", "x"), "claim:sub"},
		{forgejoKind, rule("events", "push,"), "events"},
		{forgejoKind, rule("events", "pull_request_target"), "strangers"},
		{forgejoKind, rule("ref", "v*"), "ref"},
		{kubernetesKind, rule("preset", "gitlab"), "preset"},
		{kubernetesKind, rule("namespace", "ci:publisher"), "namespace"},
		{kubernetesKind, rule("service_account", ""), "service_account"},
		{kubernetesKind, rule("namespace", "CI"), "namespace"},

		{generic("actor", "alice"), nil, "no claim identifies the workload"},
		{generic("pipeline_slug", "widgets"), nil, "no claim identifies the workload"},
		{kind{provider: workload.Generic}, nil, "no claim identifies the workload"},
		{generic("sub", "x"), rule("sub", "x"), "not a field"},
		{generic("sub", "x"), rule("glob:ref", "x*"), "not a field"},
		{generic("sub", "x"), rule("claim:", "x"), "name of a claim"},
		{generic("sub", "x"), rule("claim:AUD", "x"), "cannot have a rule"},
		{generic("sub", "x"), rule("claim:iss", "x"), "cannot have a rule"},
		{generic("sub", "x"), rule("oneof:jti", "x"), "cannot have a rule"},
		{generic("sub", "x"), rule("oneof:sub", "x\ny"), "two rules"},
		{generic("sub", "x"), rule("prefix:repository", "acme/*"), "only refs can"},
		{generic("repository", "x"), rule("prefix:sub", "x*"), "only refs can"},
		{generic("sub", "x"), rule("prefix:ref", "*"), "not a ref"},
		{generic("sub", "x"), rule("prefix:workflow_ref", "acme/*"), "cannot have the prefix"},
		{generic("sub", "x"), rule("prefix:build_tag", "*"), "cannot have the prefix"},
		{generic("sub", "x"), rule("prefix:build_tag", "v"), "cannot have the prefix"},
		{generic("sub", "x"), rule("prefix:build_tag", "v*1*"), "cannot have the prefix"},
		{generic("sub", ""), nil, "blanks at either end or control characters"},
		{generic("sub", " x"), nil, "blanks at either end or control characters"},
		{generic("sub", "a\x00b"), nil, "blanks at either end or control characters"},
		{generic("sub", strings.Repeat("x", 501)), nil, "blanks at either end or control characters"},
		{generic("sub", "x"), rule("oneof:event_name", "push\n"), "blanks at either end or control characters"},
		{generic("sub", "x"), rule("claim:a b", "x"), "name of a claim"},
	} {
		f := over(c.fields, c.changes)
		if f == nil {
			f = map[string]string{}
		}
		if _, err := c.provider.Compile(f); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.word) ||
			len(err.Error()) > 1000 {
			t.Errorf("%s: Compile(%v) = %v, want %v with %q", c.provider.Name(), f, err, fault.Invalid, c.word)
		}
	}
}

func generic(claim, v string) kind {
	return kind{provider: workload.Generic, fields: map[string]string{"claim:" + claim: v}}
}

// TestKindsAdmitNothingByDefault: rules and claims that say nothing do not fit, alone or together.
func TestKindsAdmitNothingByDefault(t *testing.T) {
	for _, k := range everyKind {
		r, err := k.provider.Compile(k.fields)
		if err != nil {
			t.Fatal(err)
		}
		if k.provider.Admits(workload.Rule{}, k.claims) == nil || k.provider.Admits(r, nil) == nil ||
			k.provider.Admits(workload.Rule{}, workload.Claims{}) == nil {
			t.Errorf("%s: Admits = nil of a rule or claims that say nothing", k.provider.Name())
		}
	}
}

// FuzzKinds gives every kind any fields and any claims: nothing panics, what compiles compiles to itself, every
// difference is a *Mismatch, and what is admitted has no difference and, for kinds that pin, an id.
func FuzzKinds(f *testing.F) {
	for _, k := range append(slices.Clip(everyKind), generic("sub", "x")) {
		claims := maps.Clone(k.claims)
		if claims == nil {
			claims = map[string]any{"sub": "x"}
		}
		f.Add(asJSON(k.fields), asJSON(claims))
		f.Add(asJSON(k.fields), "{}")
	}
	f.Fuzz(func(t *testing.T, fields, claims string) {
		var in map[string]string
		var c workload.Claims
		if json.Unmarshal([]byte(fields), &in) != nil || json.Unmarshal([]byte(claims), &c) != nil {
			return
		}
		for _, p := range workload.All {
			r, err := p.Compile(in)
			if err != nil {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("%s: Compile(%q) = %v", p.Name(), in, err)
				}
				r = workload.Rule{Fields: in}
			} else if again, err := p.Compile(r.Fields); err != nil || !maps.Equal(again.Fields, r.Fields) ||
				again.Lookup != r.Lookup {
				t.Errorf("%s: Compile(its own %q) = %+v, %v", p.Name(), r.Fields, again, err)
			}
			_, _ = p.Lookup(c)
			_, _ = p.Suggest(c)
			admitted := p.Admits(r, c)
			if m, ok := errors.AsType[*workload.Mismatch](admitted); admitted != nil && (!ok || m.Claim == "") {
				t.Errorf("%s: Admits = %v, want a mismatch", p.Name(), admitted)
			}
			if admitted == nil && len(p.Differences(r, c)) > 0 {
				t.Errorf("%s: Admits = nil, but %v", p.Name(), p.Differences(r, c))
			}
			pin, _ := p.Field(p.PinField())
			lacks := c[pin.Claim] == nil && (p == workload.Buildkite || p == workload.Forgejo) // not every token has it
			if admitted == nil && p.PinField() != "" && p.OwnerID(r, c) == "" && !lacks {
				t.Errorf("%s: admitted without an id to pin", p.Name())
			}
		}
	})
}
