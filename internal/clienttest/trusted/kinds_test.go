package trusted_test

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// kinds are jobs of other platforms: how an operator trusts one, what its token says, and what a token of a stranger on
// the same platform says instead.
var kinds = []struct {
	name, kind string
	add        []string
	claims     map[string]any // HOST stands for the issuer's host
	stranger   map[string]any
	word       string // of the stranger's refusal
}{
	{
		"gitlab", "gitlab",
		[]string{
			"--namespace", "acme/libs", "--gitlab-project", "widgets", "--workflow-filepath", "ci/release.yml", "--environment",
			"release",
		},
		map[string]any{
			"sub": "project_path:acme/libs/widgets:ref_type:tag:ref:v1.0", "project_path": "acme/libs/widgets",
			"namespace_path": "acme/libs",
			"namespace_id":   "72", "project_id": "20", "ref": "v1.0", "ref_type": "tag", "ref_path": "refs/tags/v1.0",
			"ref_protected": "true",
			"sha":           "0123456789abcdef0123456789abcdef01234567", "pipeline_source": "push", "environment": "release",
			"ci_config_ref_uri": "HOST/acme/libs/widgets//ci/release.yml@refs/tags/v1.0",
		},
		map[string]any{"ci_config_ref_uri": "HOST/acme/libs/widgets//ci/other.yml@refs/tags/v1.0"},
		"ci_config_ref_uri",
	},
	{
		"google", "google",
		[]string{"--email", "publisher@acme.iam.gserviceaccount.com"},
		map[string]any{"sub": "111222333", "email": "publisher@acme.iam.gserviceaccount.com", "email_verified": true},
		map[string]any{"email_verified": "true"},
		"email_verified",
	},
	{
		"activestate", "activestate",
		[]string{
			"--organization", "acme", "--activestate-project", "widgets", "--actor-id", "00000000-0000-1000-8000-000000000002",
		},
		map[string]any{
			"sub": "org:acme:project:widgets", "organization": "acme", "project": "widgets", "actor": "alice",
			"actor_id": "00000000-0000-1000-8000-000000000002", "builder": "pypi-publisher",
		},
		map[string]any{"actor_id": "00000000-0000-1000-8000-000000000003"},
		"actor_id",
	},
	{
		"buildkite", "buildkite",
		[]string{"--organization", "acme", "--pipeline", "widgets", "--tag", "v*", "--source", "webhook"},
		map[string]any{
			"sub":               "organization:acme:pipeline:widgets:ref:refs/tags/v1.0:commit:abc:step:publish",
			"organization_slug": "acme", "pipeline_slug": "widgets", "build_branch": "v1.0", "build_tag": "v1.0",
			"build_source": "webhook", "build_number": 812, "step_key": nil,
		},
		map[string]any{"build_source": "ui"},
		"build_source",
	},
	{
		"semaphore", "semaphore",
		[]string{
			"--project-id", "01890000-0000-4000-8000-000000000003", "--repository", "acme/widgets", "--ref", "refs/tags/v*",
			"--ref-type", "tag",
		},
		map[string]any{
			"sub":    "org:acme:project:01890000-0000-4000-8000-000000000003:repo:widgets:ref_type:tag:ref:refs/tags/v1.0",
			"prj_id": "01890000-0000-4000-8000-000000000003", "repo_slug": "acme/widgets", "ref": "refs/tags/v1.0",
			"ref_type": "tag", "job_type": "pipeline_job",
		},
		map[string]any{"job_type": "debug_job"},
		"somebody has a shell",
	},
	{
		"forgejo", "forgejo",
		[]string{"--owner", "acme", "--repository", "widgets", "--ref", "refs/tags/v*"},
		map[string]any{
			"sub": "repo:acme-4/widgets-77:ref:refs/tags/v1.0", "repository": "acme/widgets", "repository_owner": "acme",
			"repository_id": "77",
			"ref":           "refs/tags/v1.0", "event_name": "push",
		},
		map[string]any{"ref": "refs/heads/main"},
		"ref",
	},
	{
		"kubernetes", "generic",
		[]string{"--preset", "kubernetes", "--field", "namespace=ci", "--field", "service_account=publisher"},
		map[string]any{"sub": "system:serviceaccount:ci:publisher", "kubernetes.io": map[string]any{"namespace": "ci"}},
		map[string]any{"sub": "system:serviceaccount:ci:default"},
		"corresponding publisher",
	},
}

// TestKinds checks that a job of each platform publishes with twine, that another job on the platform is rejected, and
// that its token can be used once.
func TestKinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			j := newJobOf(t, k.kind)
			j.Index(append([]string{
				"publisher", "add", k.kind, "--issuer", j.issuer.URL, "--project", "acme-greeter", "--pending",
			}, k.add...)...).OK(t)
			var aud any = j.audience()
			if k.name == "kubernetes" {
				aud = []string{j.audience()}
			}
			if status, m := j.mint("/_/oidc/mint-token",
				j.sign(aud, k.claims, k.stranger)); status != http.StatusUnprocessableEntity ||
				!strings.Contains(m.Errors[0].Description, k.word) {
				t.Errorf("a stranger's token: %d %+v, want a refusal about %s", status, m, k.word)
			}
			token := j.sign(aud, k.claims)
			status, m := j.mint("/_/oidc/mint-token", token)
			if status != http.StatusOK {
				t.Fatalf("mint = %d %+v", status, m)
			}
			files := clienttest.Sample(t, "setuptools", "1.0")
			twine := clienttest.Twine(t).Set(append(j.env(), "TWINE_USERNAME=__token__", "TWINE_PASSWORD="+m.Token)...)
			twine.Run(t, "", append([]string{"upload", "--repository-url", j.URL + "/legacy/"}, files...)...).OK(t)
			if !j.listed("acme-greeter", filepath.Base(files[0])) {
				t.Error("what was published is not listed")
			}
			if status, m := j.mint("/_/oidc/mint-token", token); status != http.StatusUnprocessableEntity ||
				m.Errors[0].Code != "invalid-reuse-token" {
				t.Errorf("the same token again: %d %+v", status, m)
			}
		})
	}
}

// sign returns a token of the job with these claims, the later ones counting.
func (j *job) sign(audience any, claims ...map[string]any) string {
	all := j.issuer.Claims("", now(), nil)
	for name := range all {
		switch name {
		case "iss", "jti", "iat", "nbf", "exp":
		default:
			delete(all, name)
		}
	}
	host := strings.TrimPrefix(j.issuer.URL, "https://")
	for _, c := range claims {
		c = maps.Clone(c)
		for name, v := range c {
			if text, ok := v.(string); ok {
				c[name] = strings.Replace(text, "HOST", host, 1)
			}
		}
		maps.Copy(all, c)
	}
	all["aud"] = audience
	return j.issuer.Sign(all)
}
