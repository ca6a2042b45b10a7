package workload_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/workload"
)

func TestRunOf(t *testing.T) {
	sha := strings.Repeat("a", 40)
	for _, row := range []struct {
		provider, issuer string
		claims           map[string]any
		want             workload.Run
	}{
		{
			"github", workload.GitHubIssuer,
			map[string]any{"repository": "acme/widgets", "run_id": "99", "sha": sha, "ref": "refs/tags/v1"},
			workload.Run{
				Workload: "acme/widgets",
				Label:    "run 99",
				URL:      "https://github.com/acme/widgets/actions/runs/99",
				Commit:   sha,
				Ref:      "refs/tags/v1",
			},
		},
		{
			"github", "https://github.acme.example/_services/token",
			map[string]any{"repository": "acme/widgets", "run_id": json.Number("99")},
			workload.Run{
				Workload: "acme/widgets", Label: "run 99", URL: "https://github.acme.example/acme/widgets/actions/runs/99",
			},
		},
		{
			"github", "https://token.actions.octocorp.ghe.com/sub",
			map[string]any{"repository": "acme/widgets", "run_id": "99"},
			workload.Run{
				Workload: "acme/widgets", Label: "run 99", URL: "https://octocorp.ghe.com/acme/widgets/actions/runs/99",
			},
		},
		{
			"github", workload.GitHubIssuer + "/acme",
			map[string]any{"repository": "acme/widgets", "run_id": "99"},
			workload.Run{
				Workload: "acme/widgets", Label: "run 99", URL: "https://github.com/acme/widgets/actions/runs/99",
			},
		},
		{
			"gitlab", "https://acme.com/gitlab",
			map[string]any{"project_path": "acme/w", "job_id": "7"},
			workload.Run{Workload: "acme/w", Label: "job 7", URL: "https://acme.com/gitlab/acme/w/-/jobs/7"},
		},
		{
			"github", "https://u@evil.example",
			map[string]any{"repository": "acme/widgets", "run_id": "99"},
			workload.Run{Workload: "acme/widgets"},
		},
		{
			"github", workload.GitHubIssuer,
			map[string]any{"repository": "acme/widgets/../..", "run_id": "99"},
			workload.Run{Workload: "acme/widgets/../.."},
		},
		{
			"github", workload.GitHubIssuer,
			map[string]any{"repository": "acme/widgets", "run_id": "99?x", "sha": "<b>"},
			workload.Run{Workload: "acme/widgets"},
		},
		{
			"buildkite", workload.BuildkiteIssuer,
			map[string]any{"pipeline_slug": "widgets", "build_number": "7"},
			workload.Run{},
		},
		{
			"github", "http://127.0.0.1:1",
			map[string]any{"repository": "acme/widgets", "run_id": "99"},
			workload.Run{Workload: "acme/widgets"},
		},
		{
			"gitlab", workload.GitLabIssuer,
			map[string]any{"project_path": "acme/libs/w", "job_id": float64(7), "ref_path": "refs/heads/main"},
			workload.Run{
				Workload: "acme/libs/w", Label: "job 7", URL: "https://gitlab.com/acme/libs/w/-/jobs/7", Ref: "refs/heads/main",
			},
		},
		{
			"gitlab", workload.GitLabIssuer,
			map[string]any{"project_path": "acme/../w", "job_id": "7"},
			workload.Run{Workload: "acme/../w"},
		},
		{"google", workload.GoogleIssuer, map[string]any{"email": "a@b.example"}, workload.Run{Workload: "a@b.example"}},
		{
			"generic", "https://x.example",
			map[string]any{"sub": "javascript:alert(1)", "run_id": "5"},
			workload.Run{Workload: "javascript:alert(1)"},
		},
		{"github", workload.GitHubIssuer, nil, workload.Run{}},
		{
			"buildkite", workload.BuildkiteIssuer,
			map[string]any{"build_tag": "v1.0", "build_branch": "v1.0"},
			workload.Run{Ref: "refs/tags/v1.0"},
		},
		{
			"buildkite", workload.BuildkiteIssuer,
			map[string]any{"build_tag": "", "build_branch": "feature/x"},
			workload.Run{Ref: "refs/heads/feature/x"},
		},
		{"buildkite", workload.BuildkiteIssuer, map[string]any{"build_tag": nil}, workload.Run{}},
	} {
		if got := workload.Of(row.provider).Run(row.issuer, row.claims); got != row.want {
			t.Errorf("RunOf(%s, %v) = %+v, want %+v", row.provider, row.claims, got, row.want)
		}
	}
}

// FuzzRunOf: whatever the claims say, a link leads to the forge.
func FuzzRunOf(f *testing.F) {
	f.Add("acme/widgets", "99")
	f.Add("//evil.example/x", "1")
	f.Add("a@evil/..", "1#")
	f.Fuzz(func(t *testing.T, name, id string) {
		for provider, row := range map[string][3]string{
			"github": {workload.GitHubIssuer, "repository", "run_id"},
			"gitlab": {workload.GitLabIssuer, "project_path", "job_id"},
		} {
			got := workload.Of(provider).Run(row[0], map[string]any{row[1]: name, row[2]: id})
			if got.URL == "" {
				continue
			}
			u, err := url.Parse(got.URL)
			host := map[string]string{"github": "github.com", "gitlab": "gitlab.com"}[provider]
			if err != nil || u.Scheme != "https" || u.Host != host || u.RawQuery+u.Fragment != "" ||
				strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/../") {
				t.Fatalf("%q, %q lead to %s", name, id, got.URL)
			}
		}
	})
}

// TestServer checks the comparison and the links of a GitLab whose issuer is another URL.
func TestServer(t *testing.T) {
	const issuer = "https://storage.example/bucket"
	c := workload.Claims{
		"iss": issuer, "sub": "project_path:acme/w:ref_type:tag:ref:v1", "project_path": "acme/w", "namespace_id": "7",
		"project_id": "8", "ref_path": "refs/tags/v1", "sha": strings.Repeat("a", 40), "job_id": "9",
		"pipeline_source":   "push",
		"ci_config_ref_uri": "gitlab.internal.example/git/acme/w//.gitlab-ci.yml@refs/tags/v1",
	}
	for server, want := range map[string]bool{
		"https://gitlab.internal.example/git": true, "https://GitLab.internal.example:443/git": true,
		"http://gitlab.internal.example/git": true, "https://gitlab.internal.example": false, "": false,
		"https://gitlab.internal.example/git/x": false, "https://gitlab.internal.example:8443/git": false,
	} {
		k := workload.GitLab.At(server)
		rule, err := k.Compile(map[string]string{"namespace": "acme", "project": "w", "workflow_filepath": ".gitlab-ci.yml"})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Admits(rule, c); (err == nil) != want {
			t.Errorf("server %q: Admits = %v, want %v", server, err, want)
		}
		if _, err := k.Suggest(c); (err == nil) != want {
			t.Errorf("server %q: Suggest = %v, want %v", server, err, want)
		}
	}
	k := workload.GitLab.At("https://gitlab.internal.example/git")
	if got, want := k.Run(issuer, c).URL, "https://gitlab.internal.example/git/acme/w/-/jobs/9"; got != want {
		t.Errorf("Run = %s, want %s", got, want)
	}
}

// TestRunIsPrintable: what a run says about itself has no characters that change the text around it.
func TestRunIsPrintable(t *testing.T) {
	c := map[string]any{
		"repository": "acme/\u202ewidgets", "ref": "refs/heads/a\u2066b\x1b[2J\n", "event_name": "pu\u200bsh",
	}
	r := workload.GitHub.Run("https://token.actions.githubusercontent.com", c)
	if r.Ref != `refs/heads/a\u2066b\x1b[2J\n` || strings.ContainsRune(r.Workload, '\u202e') || r.URL != "" {
		t.Errorf("Run() = %+q", r)
	}
	if e := workload.GitHub.Event(c); e != `pu\u200bsh` {
		t.Errorf("Event() = %+q", e)
	}
	c["ref"] = `refs/tags/v1-"é"`
	if r := workload.GitHub.Run("https://token.actions.githubusercontent.com", c); r.Ref != c["ref"] {
		t.Errorf("Run() has ref %q, want printable text as it is", r.Ref)
	}
}

// TestServerAtTheRoot checks which files a GitLab may name whose issuer has a path and whose server is not configured:
// those below the issuer, and those at the root of its host unless the project's path begins with the issuer's.
func TestServerAtTheRoot(t *testing.T) {
	for _, c := range []struct {
		server, namespace, path, file string
		want                          string // of the error; "" if it is accepted
	}{
		{"", "acme", "acme/w", "gl.example/git/acme/w", ""},
		{"", "acme", "acme/w", "gl.example/acme/w", ""},
		{"", "Acme", "acme/W", "GL.example/acme/W", ""},
		{"", "git/acme", "git/acme/w", "gl.example/git/git/acme/w", ""},
		{"", "git/acme", "git/acme/w", "gl.example/git/acme/w", "the index needs the setting server of this issuer"},
		{"", "git", "git/w", "gl.example/git/w", "the index needs the setting server of this issuer"},
		{"https://gl.example", "git/acme", "git/acme/w", "gl.example/git/acme/w", ""},
		{"https://gl.example", "acme", "acme/w", "gl.example/git/acme/w", "claim ci_config_ref_uri"},
		{"https://gl.example/git", "acme", "acme/w", "gl.example/acme/w", "claim ci_config_ref_uri"},
		{"", "acme", "git/acme/w", "gl.example/git/acme/w", "claim project_path"},
		{"", "acme", "git/acme/w", "gl.example/acme/w", "claim project_path"},
		{"", "git/acme", "acme/w", "gl.example/git/acme/w", "claim project_path"},
		{"", "acme", "acme/w", "gl.example/other/acme/w", "claim ci_config_ref_uri"},
		{"", "acme", "acme/w", "evil.example/acme/w", "claim ci_config_ref_uri"},
		{"", "acme", "acme/w", "gl.example:8443/acme/w", "claim ci_config_ref_uri"},
		{"", "acme", "acme/w", "gl.example/evil/w", "claim ci_config_ref_uri"},
	} {
		k := workload.GitLab.At(c.server)
		rule, err := k.Compile(map[string]string{
			"namespace": c.namespace, "project": "w", "workflow_filepath": ".gitlab-ci.yml",
		})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := k.Admits(rule, workload.Claims{
			"iss": "https://gl.example/git", "sub": "project_path:" + c.path + ":ref_type:tag:ref:v1", "project_path": c.path,
			"namespace_id": "7", "project_id": "8", "ref_path": "refs/tags/v1", "sha": strings.Repeat("a", 40), "job_id": "9",
			"pipeline_source": "push", "ci_config_ref_uri": c.file + "//.gitlab-ci.yml@refs/tags/v1",
		}); err != nil {
			got = err.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("server %q, project %s/w, file of %s: got %q, want %q", c.server, c.namespace, c.file, got, c.want)
		}
	}
}

// TestHostOfForges checks that the sentences of two forges on one host differ.
func TestHostOfForges(t *testing.T) {
	for _, c := range []struct{ kind, issuer, want string }{
		{"gitlab", workload.GitLabIssuer, "gitlab.com"},
		{"gitlab", "https://acme.example", "acme.example"},
		{"gitlab", "https://acme.example/", "acme.example"},
		{"gitlab", "http://127.0.0.1:9203/gl/", "127.0.0.1:9203/gl"},
		{"forgejo", "https://acme.example/api/actions", "acme.example"},
		{"forgejo", "https://acme.example/git/api/actions", "acme.example/git"},
		{"github", "https://github.acme.example/_services/token", "github.acme.example"},
		{"generic", "https://acme.example/oidc", "acme.example"},
	} {
		if got := workload.Of(c.kind).Host(c.issuer); got != c.want {
			t.Errorf("%s: Host(%s) = %s, want %s", c.kind, c.issuer, got, c.want)
		}
	}
	words := workload.GitLab.At("https://acme.example").Describe("https://acme.example/gl", map[string]string{
		"namespace": "acme", "project": "w", "workflow_filepath": ".gitlab-ci.yml",
	})
	if want := "pipeline .gitlab-ci.yml in acme/w, on acme.example/gl"; words.String() != want {
		t.Errorf("Describe = %s, want %s", words, want)
	}
}
