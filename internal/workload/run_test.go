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
			"buildkite", workload.BuildkiteIssuer, map[string]any{"pipeline_slug": "widgets", "build_number": "7"},
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
