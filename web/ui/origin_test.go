package ui

import (
	"testing"

	"pyindex/internal/catalog"
)

func TestOrigin(t *testing.T) {
	github := map[string]any{
		"iss": "https://token.actions.githubusercontent.com", "repository": "acme/widgets",
		"sha": "0123456789abcdef0123456789abcdef01234567", "run_id": "42",
		"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/tags/v1", "environment": "pypi",
		"ref": "refs/tags/v1", "actor": "alice",
	}
	o := new(Kit).OriginOf(catalog.Uploader{Kind: "publisher", Name: "x", Claims: github})
	if o.RepositoryURL != "https://github.com/acme/widgets" ||
		o.RunURL != "https://github.com/acme/widgets/actions/runs/42" ||
		o.CommitURL != "https://github.com/acme/widgets/commit/0123456789abcdef0123456789abcdef01234567" ||
		o.Workflow != "release.yml" {
		t.Errorf("origin = %+v", o)
	}
	gitlab := map[string]any{
		"iss":               "https://gitlab.example",
		"project_path":      "acme/sub/widgets",
		"job_id":            "7",
		"sha":               "0123456789abcdef",
		"ci_config_ref_uri": "gitlab.example/acme/sub/widgets//.gitlab-ci.yml@refs/heads/main",
	}
	if o = new(Kit).OriginOf(catalog.Uploader{
		Kind: "publisher", Claims: gitlab,
	}); o.RunURL != "https://gitlab.example/acme/sub/widgets/-/jobs/7" || o.Workflow != ".gitlab-ci.yml" {
		t.Errorf("origin = %+v", o)
	}
	// The site is not the issuer's host.
	for issuer, want := range map[string]string{
		"https://token.actions.octocorp.ghe.com":              "https://octocorp.ghe.com/acme/widgets",
		"https://token.actions.octocorp.ghe.com/sub":          "https://octocorp.ghe.com/acme/widgets",
		"https://token.actions.githubusercontent.com/acme":    "https://github.com/acme/widgets",
		"https://github.acme.example/_services/token":         "https://github.acme.example/acme/widgets",
		"https://token.actions.githubusercontent.com.evil.ex": "https://token.actions.githubusercontent.com.evil.ex/acme/widgets",
	} {
		c := map[string]any{"repository": "acme/widgets", "iss": issuer}
		if got := new(Kit).OriginOf(catalog.Uploader{Kind: "publisher", Claims: c}).RepositoryURL; got != want {
			t.Errorf("the repository of %s is at %s, want %s", issuer, got, want)
		}
	}
	kit := &Kit{Options: Options{Server: func(issuer string) string {
		return map[string]string{"https://storage.example/bucket": "https://gitlab.internal.example/git"}[issuer]
	}}}
	for issuer, want := range map[string]string{
		"https://storage.example/bucket": "https://gitlab.internal.example/git/acme/widgets/-/jobs/7",
		"https://acme.com/gitlab":        "https://acme.com/gitlab/acme/widgets/-/jobs/7",
	} {
		c := map[string]any{"project_path": "acme/widgets", "iss": issuer, "job_id": "7"}
		if got := kit.OriginOf(catalog.Uploader{Kind: "publisher", Claims: c}).RunURL; got != want {
			t.Errorf("the job of %s is at %s, want %s", issuer, got, want)
		}
	}
	// Claims are signed, and yet of somebody's choosing: what does not have the shape of its kind makes no link.
	for name, change := range map[string]map[string]any{
		"script": {"repository": "javascript:alert(1)//x/y"}, "dots": {"repository": `a"><script>/b`},
		"run":    {"run_id": "1/../../x"},
		"issuer": {"iss": "javascript:alert(1)"}, "http": {"iss": "http://ghe.example/_services/token"},
		"user":   {"iss": "https://a@evil.example/_services/token"},
		"commit": {"sha": "../../evil"}, "number": {"repository": 7},
	} {
		t.Run(name, func(t *testing.T) {
			claims := map[string]any{}
			for k, v := range github {
				claims[k] = v
			}
			for k, v := range change {
				claims[k] = v
			}
			o := new(Kit).OriginOf(catalog.Uploader{Kind: "publisher", Claims: claims})
			linked := map[string]bool{"run": o.RunURL != "", "commit": o.CommitURL != ""}[name]
			if name != "run" && name != "commit" {
				linked = o.RepositoryURL != "" || o.RunURL != "" || o.CommitURL != ""
			}
			if linked {
				t.Errorf("%s: origin = %+v, want no link", name, o)
			}
		})
	}
	if o := new(Kit).OriginOf(catalog.Uploader{Kind: "user", Name: "bob", Claims: github}); o.Repository != "" {
		t.Errorf("a person's upload has an origin: %+v", o)
	}
}
