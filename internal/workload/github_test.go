package workload_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

func TestGitHubCompile(t *testing.T) {
	got, err := workload.GitHub.Compile(map[string]string{
		"owner": "Acme-Corp", "repository": "My.Widgets_2", "workflow": " Release.yaml ", "environment": "PyPI Prod",
		"owner_id": "42",
	})
	want := workload.Rule{
		Lookup: "acme-corp/my.widgets_2",
		Fields: map[string]string{
			"owner": "acme-corp", "repository": "my.widgets_2", "workflow": "Release.yaml", "environment": "pypi prod",
		},
		OwnerID: "42",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Compile = %v; difference %s", err, diff)
	}
	again, err := workload.GitHub.Compile(got.Fields)
	again.OwnerID = got.OwnerID
	if diff := cmp.Diff(got, again); err != nil || diff != "" {
		t.Errorf("Compile(its own fields) = %v; difference %s", err, diff)
	}
}

func TestGitHubCompileRefuses(t *testing.T) {
	for _, c := range []struct{ field, value string }{
		{"owner", ""},
		{"owner", "-acme"},
		{"owner", "acme/widgets"},
		{"owner", "acme corp"},
		{"owner", "acmé"},
		{"owner", "acme\n"},
		{"owner", strings.Repeat("a", 101)},
		{"owner", "ac_me"},
		{"owner", "https://github.com/acme"},
		{"repository", ""},
		{"repository", "acme/widgets"},
		{"repository", "."},
		{"repository", ".."},
		{"repository", "a b"},
		{"repository", "widgets\x00"},
		{"workflow", ""},
		{"workflow", "release"},
		{"workflow", "release.txt"},
		{"workflow", ".yml"},
		{"workflow", ".yaml"},
		{"workflow", "release.YML"},
		{"workflow", ".github/workflows/release.yml"},
		{"workflow", `x\release.yml`},
		{"workflow", "re\nlease.yml"},
		{"workflow", strings.Repeat("a", 300) + ".yml"},
		{"environment", " pypi"},
		{"environment", "pypi "},
		{"environment", "a,b"},
		{"environment", "a;b"},
		{"environment", `a"b`},
		{"environment", "a'b"},
		{"environment", "a`b"},
		{"environment", `a\b`},
		{"environment", "a\tb"},
		{"environment", strings.Repeat("e", 256)},
		{"owner_id", "0"},
		{"owner_id", "01"},
		{"owner_id", "-1"},
		{"owner_id", "1.0"},
		{"owner_id", "acme"},
		{"owner_id", " 1"},
		{"owner_id", strings.Repeat("9", 20)},
		{"Owner", "acme"},
		{"workflow_ref", "x"},
		{"sub", "x"},
	} {
		f := fields(c.field, c.value)
		_, err := workload.GitHub.Compile(f)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.field)) ||
			len(err.Error()) > 600 {
			t.Errorf("Compile(%s = %q) = %v, want %v that names the field", c.field, c.value, err, fault.Invalid)
		}
	}
}

// TestGitHubAdmitsNothingByDefault: a rule and claims that say nothing do not fit, alone or together.
func TestGitHubAdmitsNothingByDefault(t *testing.T) {
	rule, err := workload.GitHub.Compile(fields())
	if err != nil {
		t.Fatal(err)
	}
	good := workload.Claims{
		"repository": "acme/widgets", "repository_owner": "acme", "repository_owner_id": "4242", "event_name": "push",
		"environment":      "release",
		"job_workflow_ref": path("release.yml@refs/heads/main"), "ref": "refs/heads/main", "sha": "abc",
	}
	if err := workload.GitHub.Admits(rule, good); err != nil {
		t.Fatalf("Admits(good claims) = %v", err)
	}
	for name, c := range map[string]struct {
		rule   workload.Rule
		claims workload.Claims
	}{
		"no claims": {rule, nil}, "no rule": {workload.Rule{}, good}, "neither": {workload.Rule{}, workload.Claims{}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := workload.GitHub.Admits(c.rule, c.claims); err == nil {
				t.Errorf("%s: Admits = nil", name)
			}
		})
	}
}
