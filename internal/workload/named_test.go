package workload_test

import (
	"maps"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// TestProperties: the properties of a repository are typed as lines, stored by name, described and written again.
func TestProperties(t *testing.T) {
	form, _ := workload.FormFor("github", "")
	typed := fields("repo_property", " team=packaging \r\n\nregions = eu-west-1")
	read, err := form.Read(func(name string) string { return typed[name] })
	if err != nil {
		t.Fatal(err)
	}
	rule, err := workload.GitHub.CompileNew(read)
	if err != nil || rule.Fields["repo_property_team"] != "packaging" ||
		rule.Fields["repo_property_regions"] != "eu-west-1" ||
		rule.Fields["repo_property"] != "" {
		t.Fatalf("CompileNew = %+v, %v", rule, err)
	}
	again, err := workload.GitHub.Compile(rule.Fields)
	if err != nil || !maps.Equal(again.Fields, rule.Fields) {
		t.Errorf("a stored rule became %v, %v", again.Fields, err)
	}
	if got, want := form.Typed(rule.Fields)["repo_property"], "regions=eu-west-1\nteam=packaging\n"; got != want {
		t.Errorf("Typed = %q, want %q", got, want)
	}
	const want = ", custom property regions with eu-west-1, custom property team with packaging"
	if got := workload.GitHub.Describe(workload.GitHubIssuer, rule.Fields).String(); !strings.HasSuffix(got, want) {
		t.Errorf("Describe = %q, want it to end in %q", got, want)
	}
	for _, claim := range []string{"repo_property_regions", "repo_property_team"} {
		if got := strings.Join(workload.GitHub.Compares(rule), " "); !strings.Contains(got, claim) {
			t.Errorf("Compares = %s, want %s among them", got, claim)
		}
	}
	if rule.Lookup != "acme/widgets" || strings.Contains(rule.OwnerID, "packaging") {
		t.Errorf("a property pins: %+v", rule)
	}
}

func TestPropertiesThatAreRefused(t *testing.T) {
	for _, lines := range []string{
		"team", "team=", "=x", "te am=x", "team=a,b", "team=a\nteam=b", "team=\x01", "team=" + strings.Repeat("x", 501),
		strings.Repeat("n", 76) + "=x", "tëam=x", strings.Repeat("a=1\nb=2\n", 1) + "a=2",
	} {
		_, err := workload.GitHub.Compile(fields("repo_property", lines))
		if !fault.Is(err, fault.Invalid) || fault.FieldOf(err) != "repo_property" {
			t.Errorf("Compile(%q) = %v in field %q", lines, err, fault.FieldOf(err))
		}
	}
	many := fields()
	for n := range 21 {
		many["repo_property_p"+strings.Repeat("x", n)] = "1"
	}
	if _, err := workload.GitHub.Compile(many); !fault.Is(err, fault.Invalid) {
		t.Errorf("21 properties = %v", err)
	}
	for _, bad := range []string{"repo_property_", "repo_property_a b", "repo_propertyx", "repo_property_a,b"} {
		if _, err := workload.GitHub.Compile(fields(bad, "x")); !fault.Is(err, fault.Invalid) {
			t.Errorf("Compile(%q) = %v", bad, err)
		}
	}
}

// TestPropertiesAreNotSuggested: a property says nothing about the workload, so no rule requires it unasked.
func TestPropertiesAreNotSuggested(t *testing.T) {
	tab := readTable(t, "github")
	got, err := workload.GitHub.Suggest(tab.claims(t, tableCase{Token: "properties"}))
	if err != nil {
		t.Fatal(err)
	}
	for name := range got {
		if strings.HasPrefix(name, "repo_property") {
			t.Errorf("Suggest = %v", got)
		}
	}
}

// TestSuggestedClaims: a rule on claims that is suggested has ids before names, and excludes other runs.
func TestSuggestedClaims(t *testing.T) {
	tab := readTable(t, "generic")
	for _, c := range []struct {
		token string
		want  map[string]string
	}{
		{"GitHub, immutable subject", map[string]string{
			"claim:repository_id": "31337", "claim:repository_owner_id": "4242", "claim:environment": "pypi",
			"claim:event_name": "push", "prefix:ref": "refs/tags/v*",
		}},
		{"GitLab", map[string]string{
			"claim:project_id": "20", "claim:namespace_id": "72", "claim:pipeline_source": "push",
			"prefix:ref_path": "refs/tags/v*",
		}},
		{"Buildkite", map[string]string{
			"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "prefix:build_tag": "v*",
		}},
		{"Kubernetes", map[string]string{"claim:sub": "system:serviceaccount:ci:publisher"}},
		{"GitHub, pull_request_target", nil},
		{"GitLab, fork of an old server", nil},
		{"GitLab, fork", nil},
		{"GitLab, policy", nil},
	} {
		got, err := workload.Generic.Suggest(tab.claims(t, tableCase{Token: c.token}))
		if !maps.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s: Suggest = %v, %v; want %v", c.token, got, err, c.want)
		}
	}
}

// TestNothingIsSuggestedForForks: a rule that names the event of a fork's merge request has to be a person's choice.
func TestNothingIsSuggestedForForks(t *testing.T) {
	tab := readTable(t, "gitlab")
	for _, token := range []string{
		"merge request of a fork, old server", "external pull request, old server", "merge request of a fork",
		"pipeline execution policy", "scan execution policy", "file of another project",
	} {
		if got, err := workload.GitLab.Suggest(tab.claims(t, tableCase{Token: token})); err == nil {
			t.Errorf("%s: Suggest = %v", token, got)
		}
	}
}
