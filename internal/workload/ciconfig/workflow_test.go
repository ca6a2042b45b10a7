package ciconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
)

var target = ciconfig.Target{
	BaseURL: "https://pypi.acme.example/team", Repository: "tools", Project: "widgets", Audience: "pypi.acme.example:8443",
}

const uploadURL = "https://pypi.acme.example/team/r/tools/legacy/"

func compile(t testing.TB, provider *workload.Kind, fields map[string]string) map[string]string {
	t.Helper()
	r, err := provider.Compile(fields)
	if err != nil {
		t.Fatalf("Compile(%v) = %v", fields, err)
	}
	return r.Fields
}

// kindFields compiles the fields of a rule of a kind. Rules on claims are stored already.
func kindFields(t testing.TB, kind string, fields map[string]string) map[string]string {
	t.Helper()
	for name, v := range fields {
		if v == "" {
			delete(fields, name)
		}
	}
	if kind == "generic" {
		return fields
	}
	return compile(t, workload.Find(kind), fields)
}

// parse reads a file as YAML.
func parse(t testing.TB, f ciconfig.File) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal([]byte(f.Text), &out); err != nil {
		t.Fatalf("%s is no YAML: %v\n%s", f.Path, err, f.Text)
	}
	return out
}

// at follows a path of keys.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// want compares what a file says at a path.
func want(t testing.TB, file map[string]any, want any, path ...any) {
	t.Helper()
	if got := at(file, path...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v = %v, want %v", path, got, want)
	}
}

func TestGitHub(t *testing.T) {
	fields := compile(t, workload.GitHub, map[string]string{
		"owner": "acme", "repository": "widgets", "workflow": "release.yml", "environment": "PyPI", "ref": "refs/tags/v*",
	})
	g := ciconfig.For(target, "github", workload.GitHubIssuer, fields)
	if len(g.Files) != 2 || g.Files[0].Key != "action" || g.Files[1].Key != "uv" || len(g.Steps) != 3 || len(g.CA) != 3 {
		t.Fatalf("guide %+v", g)
	}
	for _, f := range g.Files {
		y := parse(t, f)
		if f.Path != ".github/workflows/release.yml" {
			t.Errorf("path %s", f.Path)
		}
		want(t, y, "v*", "on", "push", "tags", 0)
		want(t, y, map[string]any{}, "permissions")
		want(t, y, "pypi", "jobs", "publish", "environment")
		want(t, y, "build", "jobs", "publish", "needs")
		want(t, y, "map[id-token:write]", "jobs", "publish", "permissions")
		want(t, y, "map[contents:read]", "jobs", "build", "permissions")
		want(t, y, "ubuntu-latest", "jobs", "publish", "runs-on")
	}
	action, uv := parse(t, g.Files[0]), parse(t, g.Files[1])
	want(t, action, "pypa/gh-action-pypi-publish@ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e", "jobs", "publish", "steps", 1,
		"uses")
	want(t, action, uploadURL, "jobs", "publish", "steps", 1, "with", "repository-url")
	want(t, action, "false", "jobs", "publish", "steps", 1, "with", "attestations")
	want(t, uv, "uv publish --trusted-publishing always --publish-url "+uploadURL, "jobs", "publish", "steps", 2, "run")
	want(t, uv, "0.13.9", "jobs", "publish", "steps", 1, "with", "version")
}

// TestGitHubTriggers: a job runs for nothing that its rule refuses, and for something that it takes.
func TestGitHubTriggers(t *testing.T) {
	for _, row := range []struct{ ref, events, want string }{
		{"", "", "map[push:map[tags:[v*]]]"},
		{"refs/tags/release-1.0", "push", "map[push:map[tags:[release-1.0]]]"},
		{"refs/tags/*", "", "map[push:map[tags:[**]]]"},
		{"refs/tags/a/*", "", "map[push:map[tags:[a/**]]]"},
		{"refs/tags/c++!1", "", `map[push:map[tags:[c\+\+\!1]]]`},
		{"refs/heads/main", "", "map[push:map[branches:[main]]]"},
		{"", "release", "map[release:map[types:[published]]]"},
		{"refs/heads/main", "push,workflow_dispatch", "map[push:map[branches:[main]] workflow_dispatch:<nil>]"},
		{"", "schedule", "map[schedule:[map[cron:0 4 * * 1]]]"},
	} {
		fields := map[string]string{
			"owner":      "acme",
			"repository": "widgets",
			"workflow":   "w.yml",
			"ref":        row.ref,
			"events":     row.events,
		}
		g := ciconfig.For(target, "github", workload.GitHubIssuer, compile(t, workload.GitHub, fields))
		want(t, parse(t, g.Files[0]), row.want, "on")
	}
}

func TestGitHubElsewhere(t *testing.T) {
	base := map[string]string{"owner": "acme", "repository": "widgets", "workflow": "publish.yml", "environment": "pypi"}
	with := func(over ...string) map[string]string {
		f := map[string]string{}
		for k, v := range base {
			f[k] = v
		}
		for i := 0; i < len(over); i += 2 {
			f[over[i]] = over[i+1]
		}
		return compile(t, workload.GitHub, f)
	}
	g := ciconfig.For(target, "github", "https://github.acme.example/_services/token", with())
	want(t, parse(t, g.Files[0]), "self-hosted", "jobs", "publish", "runs-on")
	if !strings.Contains(strings.Join(g.Steps, " "), "Enterprise Server") {
		t.Errorf("steps %q", g.Steps)
	}
	g = ciconfig.For(target, "github", workload.GitHubIssuer, with("runner_environment", "self-hosted"))
	want(t, parse(t, g.Files[0]), "self-hosted", "jobs", "build", "runs-on")

	g = ciconfig.For(target, "github", workload.GitHubIssuer,
		with("workflow_repository", "acme/ci", "workflow_at", "refs/tags/v2", "calling_workflow", "main.yml"))
	y, caller := parse(t, g.Files[0]), parse(t, *g.Files[0].Calls)
	want(t, y, "map[workflow_call:<nil>]", "on")
	want(t, caller, "acme/ci/.github/workflows/publish.yml@v2", "jobs", "release", "uses")
	want(t, caller, "write", "jobs", "release", "permissions", "id-token")
	if p := g.Files[0].Calls.Path; p != ".github/workflows/main.yml" {
		t.Errorf("the caller is %s", p)
	}
	g = ciconfig.For(target, "github", workload.GitHubIssuer, with("calling_workflow", "main.yml"))
	want(t, parse(t, *g.Files[0].Calls), "./.github/workflows/publish.yml", "jobs", "release", "uses")
}

func TestGitLab(t *testing.T) {
	fields := map[string]string{
		"namespace":         "acme/libs",
		"project":           "widgets",
		"workflow_filepath": "ci/release.yml",
		"environment":       "Prod {x}",
		"ref":               "refs/tags/v*",
	}
	g := ciconfig.For(target, "gitlab", workload.GitLabIssuer, compile(t, workload.GitLab, fields))
	for _, f := range g.Files {
		y := parse(t, f)
		want(t, y, "Prod {x}", "publish", "environment", "name")
		want(t, y, "pypi.acme.example:8443", "publish", "id_tokens", "PYPI_ACME_EXAMPLE_8443_ID_TOKEN", "aud")
		want(t, y, "$CI_COMMIT_TAG =~ /^v/", "publish", "rules", 0, "if")
		if f.Path != "ci/release.yml" || !strings.Contains(f.Text, uploadURL) {
			t.Errorf("%s: %s", f.Path, f.Text)
		}
	}
	if !strings.Contains(g.Files[0].Text, "--trusted-publishing always") {
		t.Errorf("uv does not do the exchange:\n%s", g.Files[0].Text)
	}
	digits := target
	digits.Audience = "10.0.0.7"
	g = ciconfig.For(digits, "gitlab", workload.GitLabIssuer, compile(t, workload.GitLab, fields))
	want(t, parse(t, g.Files[0]), "10.0.0.7", "publish", "id_tokens", "_0_0_0_7_ID_TOKEN", "aud")
	if text := g.Files[0].Text; strings.Contains(text, "--trusted-publishing always") ||
		!strings.Contains(text, `identity="$_0_0_0_7_ID_TOKEN"`) {
		t.Errorf("uv is asked for a variable that no shell keeps:\n%s", text)
	}
	steps(t, g, "id for _0_0_0_7_ID_TOKEN, uv for 10_0_0_7_ID_TOKEN", `audience = "pypi-10.0.0.7"`)
	for ref, rule := range map[string]string{
		"": "$CI_COMMIT_TAG", "refs/heads/main": `$CI_COMMIT_BRANCH == "main"`,
		"refs/heads/release/1.x": `$CI_COMMIT_BRANCH == "release/1.x"`,
		"refs/heads/*":           "$CI_COMMIT_BRANCH", "refs/tags/a.b/*": `$CI_COMMIT_TAG =~ /^a\.b\//`,
		"refs/tags/'\"$x": "$CI_COMMIT_TAG",
	} {
		fields["ref"] = ref
		g := ciconfig.For(target, "gitlab", workload.GitLabIssuer, compile(t, workload.GitLab, fields))
		want(t, parse(t, g.Files[0]), rule, "publish", "rules", 0, "if")
	}
}

// TestGitLabEvents: the job runs for the events that its publisher accepts, and the steps start one of them.
func TestGitLabEvents(t *testing.T) {
	for _, c := range []struct {
		events, ref string
		rules       []string
		step        string
	}{
		{"push", "", []string{`$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_TAG`}, "Push a tag such as v1.0"},
		{
			"merge_request_event", "",
			[]string{`$CI_PIPELINE_SOURCE == "merge_request_event"`},
			"Open a merge request to publish.",
		},
		{"schedule", "", []string{`$CI_PIPELINE_SOURCE == "schedule"`}, "Add a schedule to the project"},
		{
			"web", "refs/heads/main",
			[]string{`$CI_PIPELINE_SOURCE == "web" && $CI_COMMIT_BRANCH == "main"`},
			"New pipeline) for main to publish.",
		},
		{
			"push,schedule", "refs/tags/v*",
			[]string{
				`$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_TAG =~ /^v/`,
				`$CI_PIPELINE_SOURCE == "schedule" && $CI_COMMIT_TAG =~ /^v/`,
			},
			"Push a tag such as v1.0",
		},
	} {
		fields := compile(t, workload.GitLab, map[string]string{
			"namespace": "acme", "project": "widgets", "workflow_filepath": ".gitlab-ci.yml", "events": c.events, "ref": c.ref,
			"ref_protected": "true",
		})
		g := ciconfig.For(target, "gitlab", workload.GitLabIssuer, fields)
		for n, rule := range c.rules {
			want(t, parse(t, g.Files[0]), rule, "publish", "rules", n, "if")
		}
		if n := strings.Count(g.Files[0].Text, "- if:"); n != len(c.rules) {
			t.Errorf("%s: %d rules, want %d", c.events, n, len(c.rules))
		}
		steps(t, g, c.step)
		if c.ref == "refs/heads/main" {
			steps(t, g, "Protect the branch main in the project's settings (Repository → Protected branches): others are refused.")
		} else {
			steps(t, g, "Protect the tags v* in the project's settings (Repository → Protected tags): others are refused.")
		}
	}
}

// TestBuildkiteSources: the step runs for the sources that its publisher accepts.
func TestBuildkiteSources(t *testing.T) {
	for _, c := range []struct{ source, tag, condition, step string }{
		{"schedule", "", `if: 'build.source == "schedule"'`, "Add a schedule to the pipeline's settings"},
		{"webhook", "v*", `if: 'build.source == "webhook" && build.tag =~ /^v/'`, "Push a tag such as v1.0 to publish. Builds that"},
		{"webhook", "", `if: 'build.source == "webhook" && build.tag != null'`, "Push a tag"},
		{"ui,api", "v1", `if: '(build.source == "api" || build.source == "ui") && build.tag == "v1"'`, "Start a build by api or ui"},
		{"", "", "if: build.tag != null", "Push a tag such as v1.0 to publish."},
	} {
		fields := compile(t, workload.Buildkite, map[string]string{
			"organization": "acme", "pipeline": "widgets", "source": c.source, "tag": c.tag,
		})
		g := ciconfig.For(target, "buildkite", workload.BuildkiteIssuer, fields)
		if !strings.Contains(g.Files[0].Text, c.condition) {
			t.Errorf("%s, %s: no %s in\n%s", c.source, c.tag, c.condition, g.Files[0].Text)
		}
		parse(t, g.Files[0])
		steps(t, g, c.step)
	}
}

// TestRefs: the jobs of every platform run for the refs that the rule allows.
func TestRefs(t *testing.T) {
	const id = "01890000-0000-4000-8000-000000000001"
	of := func(kind, refField string, more ...string) func(string) (string, map[string]string) {
		return func(ref string) (string, map[string]string) {
			out := map[string]string{refField: ref}
			for i := 0; i < len(more); i += 2 {
				out[more[i]] = more[i+1]
			}
			return kind, out
		}
	}
	circle := of("circleci", "vcs_ref", "org_id", id, "project_id", id, "pipeline_definition_id", id)
	circleRules := func(ref string) (string, map[string]string) { // as stored before CircleCI had a kind
		rule := map[bool]string{true: "prefix:", false: "claim:"}[strings.HasSuffix(ref, "*")]
		return "generic", map[string]string{
			"claim:oidc.circleci.com/project-id": id, rule + "oidc.circleci.com/vcs-ref": ref,
		}
	}
	semaphore := func(ref string) (string, map[string]string) {
		sort := map[bool]string{true: "branch", false: "tag"}[strings.HasPrefix(ref, "refs/heads/")]
		return "semaphore", map[string]string{"project_id": id, "ref": ref, "ref_type": sort}
	}
	azure := of("azure-devops", "ref", "organization", "acme", "project", "widgets", "pipeline", "release")
	forgejo := of("forgejo", "ref", "owner", "acme", "repository", "widgets")
	bitbucket := of("bitbucket", "branch", "repository_id", id)
	buildkite := func(ref string) (string, map[string]string) {
		branch, tag, _ := strings.Cut(ref, " ")
		return "buildkite", map[string]string{"organization": "acme", "pipeline": "widgets", "branch": branch, "tag": tag}
	}
	for _, row := range []struct {
		make      func(ref string) (string, map[string]string)
		ref, want string
	}{
		{circle, "", "tags: {only: /.*/}\n            branches: {ignore: /.*/}\n"},
		{circle, "refs/tags/*", "tags: {only: /.*/}\n            branches: {ignore: /.*/}\n"},
		{circle, "refs/tags/release-*", "tags: {only: /release-.*/}\n            branches: {ignore: /.*/}\n"},
		{circle, "refs/tags/v*", "tags: {only: /v.*/}\n"},
		{circle, "refs/tags/a.b/*", `tags: {only: /a\.b\/.*/}`},
		{circle, "refs/tags/a{b,c}*", `tags: {only: "/a\\{b,c\\}.*/"}`},
		{circle, "refs/tags/1.0", `tags: {only: ["1.0"]}`},
		{circle, "refs/heads/main", "filters:\n            branches: {only: [\"main\"]}\n"},
		{circle, "refs/heads/release/*", `branches: {only: /release\/.*/}`},
		{circleRules, "refs/tags/release-*", "tags: {only: /release-.*/}\n"},
		{circleRules, "refs/tags/1.0", `tags: {only: ["1.0"]}`},
		{semaphore, "", `when: "tag =~ '.*'"`},
		{semaphore, "refs/tags/*", `when: "tag =~ '.*'"`},
		{semaphore, "refs/tags/v1.*", `when: "tag =~ '^v1\\.'"`},
		{semaphore, "refs/tags/1.0", `when: "tag = '1.0'"`},
		{semaphore, "refs/heads/main", `when: "branch = 'main'"`},
		{semaphore, "refs/heads/release/*", `when: "branch =~ '^release/'"`},
		{semaphore, "refs/tags/it's", `when: "tag =~ '.*'"`},
		{azure, "", "  tags:\n    include: [\"v*\"]\n"},
		{azure, "refs/tags/release-*", "  tags:\n    include: [\"release-*\"]\n"},
		{azure, "refs/tags/1.0", "  tags:\n    include: [\"1.0\"]\n"},
		{azure, "refs/heads/main", "  branches:\n    include: [\"main\"]\n"},
		{forgejo, "refs/tags/release-*", `tags: ["release-*"]`},
		{forgejo, "refs/heads/main", `branches: ["main"]`},
		{buildkite, "", "if: build.tag != null\n"},
		{buildkite, " v1.*", `if: 'build.tag =~ /^v1\./'`},
		{buildkite, " 1.0", `if: 'build.tag == "1.0"'`},
		{buildkite, "main", `if: 'build.branch == "main"'`},
		{buildkite, "release/*", `if: 'build.branch =~ /^release\//'`},
		{bitbucket, "", "  tags:\n    \"v*\":\n"},
		{bitbucket, "main", "  branches:\n    \"main\":\n"},
		{buildkite, "main v*", `if: 'build.branch == "main" && build.tag =~ /^v/'`},
	} {
		kind, fields := row.make(row.ref)
		f := ciconfig.For(target, kind, workload.CircleCIIssuer, kindFields(t, kind, fields)).Files[0]
		parse(t, f)
		if !strings.Contains(f.Text, row.want) {
			t.Errorf("%s for %q has no %q:\n%s", f.Path, row.ref, row.want, f.Text)
		}
	}
}

// eachForm calls f with the guide of each kind, filled in with its examples.
func eachForm(t *testing.T, f func(*testing.T, ciconfig.Guide)) {
	t.Helper()
	issuers := map[string]string{
		"github": workload.GitHubIssuer, "gitlab": workload.GitLabIssuer, "google": workload.GoogleIssuer,
		"activestate": workload.ActiveStateIssuer,
		"forgejo":     "https://forge.acme.example/api/actions", "buildkite": "https://agent.buildkite.com",
		"circleci": "https://oidc.circleci.com/org/x",
		"jenkins":  "https://jenkins.acme.example/oidc", "semaphore": "https://acme.semaphoreci.com",
		"azure-devops": "https://vstoken.dev.azure.com/x",
		"bitbucket":    "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
		"kubernetes":   "https://kubernetes.acme.example", "generic": "https://ci.acme.example",
	}
	for _, p := range workload.All {
		for _, form := range p.Forms() {
			fields, err := form.Read(func(name string) string {
				f, _ := form.Field(name)
				return map[bool]string{true: f.Example}[f.Required || f.Recommended]
			})
			if err != nil {
				t.Fatal(err)
			}
			g := ciconfig.For(target, p.Name(), issuers[p.Name()], compile(t, p, fields))
			t.Run(p.Name(), func(t *testing.T) {
				if p != workload.Generic && len(g.Files) > 0 && g.Files[0].Key == "script" {
					t.Error("the platform has no file of its own")
				}
				if len(g.Files) == 0 && p.Name() != "activestate" {
					t.Error("the guide has no file")
				}
				f(t, g)
			})
		}
	}
}

// TestEveryForm checks that each kind has a guide with valid YAML that names this index.
func TestEveryForm(t *testing.T) {
	eachForm(t, func(t *testing.T, g ciconfig.Guide) {
		if len(g.Steps) == 0 || len(g.CA) == 0 {
			t.Errorf("guide %+v", g)
		}
		for _, f := range g.Files {
			if strings.HasSuffix(f.Path, ".yml") || strings.HasSuffix(f.Path, ".yaml") {
				parse(t, f)
			}
			if !strings.Contains(f.Text, uploadURL) || !strings.HasSuffix(f.Text, "\n") || strings.Contains(f.Text, "[[") {
				t.Errorf("%s does not name the upload URL, or was not filled in:\n%s", f.Path, f.Text)
			}
		}
	})
}

// FuzzGitHub: whatever a rule holds, the file is YAML that says the same.
func FuzzGitHub(f *testing.F) {
	f.Add("pypi", "release.yml", "refs/tags/v*")
	f.Add("${{ secrets.X }}", "a: b #c.yml", "refs/heads/'x")
	f.Add("yes", "- .yml", "refs/heads/{{x}}")
	f.Add("é\u0085", "1e3.yml", "refs/tags/0x1f")
	f.Add("", "[[.]].yml", "")
	f.Fuzz(func(t *testing.T, environment, file, ref string) {
		r, err := workload.GitHub.Compile(map[string]string{
			"owner":       "acme",
			"repository":  "w",
			"workflow":    file,
			"environment": environment,
			"ref":         ref,
		})
		if err != nil {
			return
		}
		for _, file := range ciconfig.For(target, "github", workload.GitHubIssuer, r.Fields).Files {
			y := parse(t, file)
			got, _ := at(y, "jobs", "publish", "environment").(string)
			if got = strings.ReplaceAll(got, "${{ '${{' }}", "${{"); got != r.Fields["environment"] {
				t.Fatalf("environment %q became %q", r.Fields["environment"], got)
			}
			want(t, y, "map[id-token:write]", "jobs", "publish", "permissions")
		}
	})
}

// FuzzGitLab is FuzzGitHub for GitLab.
func FuzzGitLab(f *testing.F) {
	f.Add("Prod", ".gitlab-ci.yml", "refs/tags/v*")
	f.Add("on", "a #b.yml", "refs/heads/\"x'")
	f.Fuzz(func(t *testing.T, environment, file, ref string) {
		r, err := workload.GitLab.Compile(map[string]string{
			"namespace":         "acme",
			"project":           "w",
			"workflow_filepath": file,
			"environment":       environment,
			"ref":               ref,
		})
		if err != nil {
			return
		}
		for _, file := range ciconfig.For(target, "gitlab", workload.GitLabIssuer, r.Fields).Files {
			y := parse(t, file)
			if got, _ := at(y, "publish", "environment", "name").(string); got != r.Fields["environment"] {
				t.Fatalf("environment %q became %q", r.Fields["environment"], got)
			}
		}
	})
}

func TestUploadURL(t *testing.T) {
	for repository, want := range map[string]string{
		"": "https://h.example/legacy/", "main": "https://h.example/legacy/", "tools": "https://h.example/r/tools/legacy/",
	} {
		if got := (ciconfig.Target{BaseURL: "https://h.example", Repository: repository}).UploadURL(); got != want {
			t.Errorf("UploadURL of %q = %s, want %s", repository, got, want)
		}
	}
}

// TestIDTokenVariable checks that the names are those that the other clients of trusted publishing look for: id, and uv
// if it looks for another one.
func TestIDTokenVariable(t *testing.T) {
	for audience, want := range map[string]string{
		"pypi":              "PYPI_ID_TOKEN",
		"pypi.acme.example": "PYPI_ACME_EXAMPLE_ID_TOKEN",
		"h:8443":            "H_8443_ID_TOKEN",
		"https://x/y":       "HTTPS___X_Y_ID_TOKEN",
		"9to5.example:8443": "_TO5_EXAMPLE_8443_ID_TOKEN 9TO5_EXAMPLE_8443_ID_TOKEN",
		"3d.acme.example":   "_D_ACME_EXAMPLE_ID_TOKEN 3D_ACME_EXAMPLE_ID_TOKEN",
		"127.0.0.1:80":      "_27_0_0_1_80_ID_TOKEN 127_0_0_1_80_ID_TOKEN",
		"":                  "_ID_TOKEN",
	} {
		got := ciconfig.IDTokenVariables(audience)
		if strings.Join(got, " ") != want || ciconfig.IDTokenVariable(audience) != got[0] {
			t.Errorf("IDTokenVariables(%q) = %q, want %q", audience, got, want)
		}
	}
}
