package workload_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

func allForms() []workload.Form {
	var out []workload.Form
	for _, k := range workload.All {
		out = append(out, k.Forms()...)
	}
	return out
}

// typing returns what somebody types who takes the examples of some fields.
func typing(f workload.Form, which func(workload.Field) bool) func(string) string {
	return func(name string) string {
		field, ok := f.Field(name)
		if !ok || !which(field) {
			return ""
		}
		return "  " + field.Example + " "
	}
}

// TestFormsAreWhatCompileTakes: each kind has a form, whose examples make a rule, and no field that Compile knows is
// missing.
func TestFormsAreWhatCompileTakes(t *testing.T) {
	for _, f := range allForms() {
		p := workload.Find(f.Provider)
		needed, err := f.Read(typing(f, func(x workload.Field) bool { return x.Required || x.Recommended }))
		if err != nil {
			t.Fatalf("%s: Read = %v", f.Provider, err)
		}
		if _, err := p.Compile(needed); err != nil {
			t.Errorf("%s: Compile(%v) = %v", f.Provider, needed, err)
		}
		for _, field := range f.Fields {
			if field.Label == "" || field.Help == "" || field.Pattern == "" || field.Example == "" ||
				strings.HasSuffix(field.Pattern, ".") {
				t.Errorf("%s: field %s says too little: %+v", f.Provider, field.Name, field)
			}
			if field.Lines {
				continue
			}
			with := maps.Clone(needed)
			with[field.Name] = field.Example
			if field.Name == "workflow_at" || field.Name == "workflow_repository" {
				with["workflow_at"], with["workflow_repository"] = "refs/heads/main", "acme/ci"
			}
			if field.Name == "connection" {
				delete(with, "pipeline") // a connection replaces it, and its tokens have no ref
				delete(with, "ref")
			}
			if _, err := p.Compile(with); err != nil {
				t.Errorf("%s: Compile(%v) = %v", f.Provider, with, err)
			}
		}
		_, err = p.Compile(map[string]string{"nonsense": "x"})
		known := regexp.MustCompile(`[a-z_]+`).FindAllString(fault.Message(err)[strings.Index(fault.Message(err), ": use")+
			5:], -1)
		for _, name := range known {
			if _, ok := f.Field(name); !ok && f.Provider != "generic" &&
				!slices.Contains([]string{"and", "for", "more", "restrictions"}, name) {
				t.Errorf("%s: Compile knows a field %s that the form has not", f.Provider, name)
			}
		}
	}
	for _, name := range workload.Presets() {
		if f, ok := workload.FormFor("generic", name); !ok || f.Provider != name {
			t.Errorf("the preset %s has the form of %q", name, f.Provider)
		}
	}
}

// TestProblemsByField: everything that is wrong is told at once, each beside its field.
func TestProblemsByField(t *testing.T) {
	for _, f := range allForms() {
		got := workload.Problems(f, map[string]string{})
		for _, field := range f.Fields {
			if _, ok := got[field.Name]; ok != field.Required && f.Provider != "azure-devops" {
				t.Errorf("%s, nothing typed: field %s is told: %v, required: %v (%v)", f.Provider, field.Name, ok,
					field.Required, got)
			}
		}
	}
	github, _ := workload.FormFor("github", "")
	got := workload.Problems(github,
		map[string]string{
			"owner":       "a/b",
			"repository":  "x y",
			"workflow":    "dir/x.yml",
			"environment": "a'b",
			"ref":         "v*",
			"owner_id":    "-1",
			"events":      "pull_request_target",
		})
	for _, name := range []string{"owner", "repository", "workflow", "environment", "ref", "owner_id", "events"} {
		if !strings.Contains(got[name], name) && !strings.Contains(got[name], "pull_request_target") {
			t.Errorf("field %s: %q", name, got[name])
		}
	}
	if len(got) != 7 {
		t.Errorf("%d problems, want 7: %v", len(got), got)
	}
	for name, row := range map[string]struct {
		fields map[string]string
		want   string
	}{
		"half of a pair":          {fields("workflow_at", "refs/heads/main"), "workflow_repository"},
		"the other half":          {fields("workflow_repository", "acme/ci"), "workflow_at"},
		"an id twice":             {fields("repository_id", "first"), "owner_id"},
		"a field that is unknown": {fields("colour", "red"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := workload.Problems(github, row.fields); len(got) != 1 || got[row.want] == "" {
				t.Errorf("%s: %v, want one beside %q", name, got, row.want)
			}
		})
	}
	if got := workload.Problems(github, fields()); len(got) > 0 {
		t.Errorf("a good rule has problems: %v", got)
	}
}

// TestClaimsText: rules on claims are written as they are read.
func TestClaimsText(t *testing.T) {
	text := "repository=acme/widgets\nsub=a\nsub=b\nref=refs/tags/v*\n"
	got, err := workload.ParseClaims(" sub=b \n\n sub = a\nrepository=acme/widgets\r\nref=refs/tags/v*")
	if err != nil {
		t.Fatal(err)
	}
	rule, err := workload.Generic.Compile(got)
	if err != nil || workload.ClaimsText(rule.Fields) != text {
		t.Errorf("ClaimsText(%v) = %q, %v; want %q", rule.Fields, workload.ClaimsText(rule.Fields), err, text)
	}
	for _, bad := range []string{
		"sub", "=x", "sub=", "sub=abc*", "ref=refs/*\nref=refs/tags/*", "ref=refs/tags/a*\nref=refs/tags/b*",
	} {
		if got, err := workload.ParseClaims(bad); fault.FieldOf(err) != workload.FieldClaims {
			t.Errorf("ParseClaims(%q) = %v, %v; want a fault in the field", bad, got, err)
		}
	}
}

func FuzzParseClaims(f *testing.F) {
	f.Add("sub=a\nref=refs/tags/v*")
	f.Add("=\n==*")
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := workload.ParseClaims(text)
		if err != nil {
			return
		}
		rule, err := workload.Generic.Compile(fields)
		if err != nil {
			return
		}
		again, err := workload.ParseClaims(workload.ClaimsText(rule.Fields))
		if err != nil {
			t.Fatalf("ParseClaims(ClaimsText(%v)) = %v", rule.Fields, err)
		}
		second, err := workload.Generic.Compile(again)
		if err != nil || !maps.Equal(second.Fields, rule.Fields) {
			t.Fatalf("%q: %v, then %v (%v)", text, rule.Fields, second.Fields, err)
		}
	})
}

// TestSay: the sentence that a page shows.
func TestSay(t *testing.T) {
	for _, row := range []struct {
		provider, issuer string
		fields           map[string]string
		want             string
	}{
		{
			"github", workload.GitHubIssuer, fields("ref", "refs/tags/v*", "environment", "pypi"),
			"Workflow release.yml in acme/widgets, environment pypi, on github.com, tags v* only",
		},
		{
			"github", "https://github.acme.example/_services/token",
			fields("environment", "", "ref", "refs/heads/main", "events", "push,release", "ref_protected", "true",
				"runner_environment", "self-hosted"),
			"Workflow release.yml in acme/widgets, on github.acme.example, branch main only, protected refs only, started by push or release, on self-hosted runners only",
		},
		{
			"github", workload.GitHubIssuer,
			fields("workflow_repository", "acme/ci", "workflow_at", "refs/heads/main", "calling_workflow", "main.yml",
				"repository_id", "5"),
			"Workflow release.yml of acme/ci at refs/heads/main, run, called by main.yml in acme/widgets, environment release, on github.com, repository number 5",
		},
		{
			"gitlab", workload.GitLabIssuer,
			map[string]string{"namespace": "acme", "project": "widgets", "workflow_filepath": "ci.yml", "ref": "refs/heads/*"},
			"Pipeline ci.yml in acme/widgets, on gitlab.com, branches only",
		},
		{"google", workload.GoogleIssuer, map[string]string{"email": "a@b.example"}, "Google service account a@b.example"},
		{
			"generic", "https://k.example",
			map[string]string{"claim:sub": "system:serviceaccount:ci:publisher"},
			"Jobs of k.example whose sub is system:serviceaccount:ci:publisher",
		},
		{
			"generic", "https://k.example",
			map[string]string{"oneof:repository": "a\nb", "prefix:ref": "refs/tags/v*"},
			"Jobs of k.example whose repository is a or b, ref is like refs/tags/v*",
		},
	} {
		p := workload.Find(row.provider)
		rule, err := p.Compile(row.fields)
		if err != nil {
			t.Fatalf("Compile(%v) = %v", row.fields, err)
		}
		if got := workload.Of(row.provider).Describe(row.issuer, rule.Fields).Capital().String(); got != row.want {
			t.Errorf("Say(%v) = %q, want %q", row.fields, got, row.want)
		}
	}
}

// TestNamesAreLiteral: what somebody else's system calls things is never part of the sentence itself.
func TestNamesAreLiteral(t *testing.T) {
	rule, err := workload.GitHub.Compile(fields("workflow", "a, on github.com.yml", "environment", "x on gitlab.com"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workload.Of("github").Describe(workload.GitHubIssuer, rule.Fields).Capital() {
		if !w.Literal && (strings.Contains(w.Text, "gitlab") || strings.Contains(w.Text, ".yml")) {
			t.Errorf("the sentence itself says %q", w.Text)
		}
	}
}

const azureProject = "01890000-0000-4000-8000-000000000013"

func TestWarnings(t *testing.T) {
	pinned := "4242"
	for _, row := range []struct {
		name, provider string
		fields         map[string]string
		ownerID        string
		want           workload.Looseness
		field          string // of the first warning
	}{
		{"no environment, any ref", "github", fields("environment", ""), pinned, workload.AsLooseAsToken, "environment"},
		{
			"no environment, all branches", "github", fields("environment", "", "ref", "refs/heads/*"), pinned,
			workload.AsLooseAsToken, "environment",
		},
		{
			"no environment, tags", "github", fields("environment", "", "ref", "refs/tags/v*"), pinned, workload.Loose,
			"environment",
		},
		{
			"no environment, protected refs", "github", fields("environment", "", "ref_protected", "true"), pinned,
			workload.CouldBeStricter, "environment",
		},
		{"an environment", "github", fields(), pinned, workload.CouldBeStricter, "ref"},
		{"an environment, not pinned", "github", fields(), "", workload.Loose, "owner_id"},
		{
			"a reusable workflow at a branch", "github",
			fields("workflow_repository", "acme/ci", "workflow_at", "refs/heads/main"), pinned, workload.Loose, "",
		},
		{
			"gitlab, any branch", "gitlab",
			map[string]string{"namespace": "acme", "project": "w", "workflow_filepath": ".gitlab-ci.yml"},
			"1",
			workload.AsLooseAsToken, "environment",
		},
		{
			"an Azure pipeline of any ref", "azure-devops",
			map[string]string{"organization": "a", "project": "b", "pipeline": "c"},
			azureProject, workload.AsLooseAsToken, "ref",
		},
		{
			"an Azure pipeline, not pinned", "azure-devops",
			map[string]string{"organization": "a", "project": "b", "pipeline": "c", "ref": "refs/tags/v*"},
			"", workload.Loose, "project_id",
		},
		{
			"an Azure pipeline of tags", "azure-devops",
			map[string]string{"organization": "a", "project": "b", "pipeline": "c", "ref": "refs/tags/v*"},
			azureProject, workload.CouldBeStricter, "pipeline_id",
		},
		{
			"a service connection", "azure-devops",
			map[string]string{"organization": "a", "project": "b", "connection": "c"},
			"", workload.Loose, "",
		},
		{
			"Bitbucket, any branch", "bitbucket",
			map[string]string{"repository_id": azureProject},
			"", workload.AsLooseAsToken, "branch",
		},
		{
			"Bitbucket, one branch", "bitbucket",
			map[string]string{"repository_id": azureProject, "branch": "main"},
			"", workload.CouldBeStricter, "environment_id",
		},
		{
			"Bitbucket, an environment", "bitbucket",
			map[string]string{"repository_id": azureProject, "environment_id": azureProject},
			"", workload.CouldBeStricter, "branch",
		},
		{
			"a Jenkins job", "jenkins",
			map[string]string{"job": "https://j.example/job/x/"},
			"", workload.CouldBeStricter, "",
		},
		{
			"a service account of a cluster", "kubernetes",
			map[string]string{"namespace": "ci", "service_account": "p"},
			"", workload.CouldBeStricter, "",
		},
		{"google, not pinned", "google", map[string]string{"email": "a@b.example"}, "", workload.Loose, "sub"},
		{
			"claims, any job of a repository", "generic",
			map[string]string{"claim:repository": "a/b"},
			"",
			workload.AsLooseAsToken, "claims",
		},
		{
			"claims, any branch of a repository", "generic",
			map[string]string{"claim:repository": "a/b", "prefix:ref": "refs/heads/*"},
			"", workload.AsLooseAsToken, "claims",
		},
		{
			"claims, several repositories", "generic",
			map[string]string{"oneof:repository": "a/b\na/c", "prefix:ref": "refs/tags/*"},
			"", workload.Loose, "",
		},
		{"a pipeline of any branch", "generic", map[string]string{"claim:sub": "p://a/b/c"}, "", workload.Loose, "claims"},
		{
			"a service account", "generic",
			map[string]string{"claim:sub": "system:serviceaccount:ci:p"},
			"",
			workload.CouldBeStricter, "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := workload.Find(row.provider)
			rule, err := p.Compile(row.fields)
			if err != nil {
				t.Fatalf("%s: Compile = %v", row.name, err)
			}
			got := workload.Of(row.provider).Warnings("", rule.Fields, row.ownerID)
			if len(got) == 0 || got[0].Degree != row.want || got[0].Field != row.field {
				t.Errorf("%s: Warnings = %+v, want the first of degree %d about %q", row.name, got, row.want, row.field)
			}
			for _, w := range got {
				loose := strings.Contains(w.Text, "Anyone who can push a branch")
				if loose != (w.Degree == workload.AsLooseAsToken) {
					t.Errorf("%s: %+v says so: %v", row.name, w, loose)
				}
			}
		})
	}
	rule, _ := workload.GitHub.Compile(fields("ref", "refs/tags/v*", "repository_id", "7", "runner_environment",
		"github-hosted"))
	if got := workload.Of("github").Warnings("", rule.Fields, pinned); len(got) > 0 {
		t.Errorf("a strict rule is warned of: %+v", got)
	}
	if got := workload.Of("generic").Warnings("", map[string]string{"claim:sub": "repo:a/b:environment:pypi"},
		""); len(got) > 0 {
		t.Errorf("a rule on sub is warned of: %+v", got)
	}
}

// TestTypedIsTheReverseOfRead: a form filled with what a rule says makes that rule again.
func TestTypedIsTheReverseOfRead(t *testing.T) {
	for _, row := range []struct {
		provider string
		fields   map[string]string
	}{
		{"github", fields("ref", "refs/tags/v*", "repository_id", "7")},
		{"gitlab", map[string]string{
			"namespace":         "acme",
			"project":           "w",
			"workflow_filepath": "c.yml",
			"project_id":        "9",
			"namespace_id":      "8",
		}},
		{"google", map[string]string{"email": "a@b.example"}},
		{"generic", map[string]string{"oneof:repository": "a/b\na/c", "prefix:ref": "refs/tags/*", "claim:sub": "x"}},
	} {
		p := workload.Find(row.provider)
		rule, err := p.Compile(row.fields)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := workload.FormFor(row.provider, "")
		typed := f.Typed(rule.Fields)
		got, err := f.Read(func(name string) string { return typed[name] })
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Compile(got)
		if err != nil || !maps.Equal(again.Fields, rule.Fields) {
			t.Errorf("%s: %v became %v (%v)", row.provider, rule.Fields, again.Fields, err)
		}
	}
}
