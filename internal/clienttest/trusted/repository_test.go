package trusted_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// trustNames lets the job publish the names of main that a prefix covers, and returns the publisher's id.
func (j *job) trustNames(prefix string, more ...string) string {
	j.t.Helper()
	out := j.Index(append([]string{
		"publisher", "add", "github", "--issuer", j.issuer.URL, "--names", prefix, "--owner", "acme", "--repository",
		"widgets",
		"--workflow", "release.yml", "--environment", "release", "--owner-id", "4242",
	}, more...)...).OK(j.t).Stdout
	return strings.TrimSpace(out)
}

// wheels writes a wheel of each project and returns the paths.
func wheels(t *testing.T, version string, projects ...string) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for _, p := range projects {
		f := packagingtest.Wheel(p, version, p+version)
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestRepositoryPublisherTwine: twine publishes several projects of one rule with one token, existing and new ones,
// also with tokens for one upload; a project that the rule does not cover is refused, and none of it is created.
func TestRepositoryPublisherTwine(t *testing.T) {
	for _, features := range []string{"", "single-use-token"} {
		t.Run("features "+features, func(t *testing.T) {
			t.Parallel()
			j := newJob(t)
			j.User("owner", false)
			j.Index(append([]string{"upload"}, wheels(t, "0.1", "acme-one")...)...).OK(t)
			j.trustNames("acme", "--create", "--user", "owner")
			twine := func(paths ...string) clienttest.Result {
				args := append([]string{"-c", twineHere, j.URL + "/legacy/", features, "--verbose"}, paths...)
				return clienttest.Twine(t).Set(j.env()...).Python(t, t.TempDir(), args...)
			}
			twine(wheels(t, "1.0", "acme-one", "acme-two", "Acme.Three")...).OK(t)
			for project, file := range map[string]string{
				"acme-one": "acme_one-1.0", "acme-two": "acme_two-1.0", "acme-three": "Acme.Three-1.0",
			} {
				if !j.listed(project, file) {
					t.Errorf("%s was published and is not listed", project)
				}
			}
			if out := j.Index("grant", "list", "--project", "acme-two").OK(t).Stdout; !strings.Contains(out, "owner") {
				t.Errorf("roles in a new project: %s", out)
			}
			twine(wheels(t, "1.0", "acmecorp")...).Refused(t, "403", "acmecorp")
			if out := j.Index("project", "list").OK(t).Stdout; strings.Contains(out, "acmecorp") {
				t.Errorf("a refused upload created its project: %s", out)
			}
		})
	}
}

// TestRepositoryPublisherUV: uv publishes a new project if the rule creates them, and is told what to do if not.
func TestRepositoryPublisherUV(t *testing.T) {
	j := newJob(t)
	files := clienttest.Sample(t, "setuptools", "1.0") // of acme-greeter
	args := append([]string{"publish", "--trusted-publishing", "always", "--publish-url", j.URL + "/legacy/"}, files...)
	id := j.trustNames("acme")
	clienttest.UV(t).Set(j.env()...).Run(t, "", args...).Refused(t, "there is no project acme-greeter",
		"let the publisher of acme-* create projects")
	j.Index("publisher", "remove", id).OK(t)
	id = j.trustNames("acme-greeter.*", "--create")
	clienttest.UV(t).Set(j.env()...).Run(t, "", args...).OK(t)
	for _, f := range files {
		if !j.listed("acme-greeter", filepath.Base(f)) {
			t.Errorf("%s was published and is not listed", filepath.Base(f))
		}
	}
	j.Index("publisher", "remove", id, "--names", "acme-greeter").OK(t)
	clienttest.UV(t).Set(j.env()...).Run(t, "", args...).Refused(t, "invalid-publisher")
}

// TestRepositoryTokenByHand: a minted token of names reads what it may publish and nothing else, and ends with the
// rule.
func TestRepositoryTokenByHand(t *testing.T) {
	j := newJob(t)
	j.Index("repository", "add", "team").OK(t)
	j.Index(append([]string{"upload"}, wheels(t, "1.0", "acme-one", "acmecorp")...)...).OK(t)
	j.Index(append([]string{"upload", "--repository", "team"}, wheels(t, "1.0", "acme-one")...)...).OK(t)
	id := j.trustNames("acme", "--create")
	_, m := j.mint("/_/oidc/mint-token", j.identity(j.audience()))
	for path, want := range map[string]int{
		"/simple/": http.StatusOK, "/simple/acme-one/": http.StatusOK, "/simple/acmecorp/": http.StatusNotFound,
		"/r/team/simple/": http.StatusNotFound, "/r/team/simple/acme-one/": http.StatusNotFound,
		"/pypi/acmecorp/json": http.StatusNotFound,
	} {
		status, body := j.get(j.HTTP, j.URL+path, m.Token)
		if status != want {
			t.Errorf("GET %s = %d, want %d", path, status, want)
		}
		if path == "/simple/" && (strings.Contains(string(body), "acmecorp") || !strings.Contains(string(body), "acme-one")) {
			t.Errorf("the list of what the token may see is %s", body)
		}
	}
	if status, body := j.upload(m.Token, packagingtest.Wheel("acme-new", "1.0", "x")); status != http.StatusOK {
		t.Fatalf("the upload: %d %s", status, body)
	}
	for _, project := range []string{"acmecorp", "acme1", "other"} {
		if status, body := j.upload(m.Token, packagingtest.Wheel(project, "2.0", "x")); status != http.StatusForbidden {
			t.Errorf("the upload of %s: %d %s", project, status, body)
		}
	}
	staging := j.issuer.Sign(j.issuer.Claims(j.audience(), now(), map[string]any{"environment": "staging"}))
	if status, refused := j.mint("/_/oidc/mint-token", staging); status == http.StatusOK {
		t.Errorf("a job of another environment got a token: %+v", refused)
	}
	out := j.Index("publisher", "explain").OK(t).Stdout
	for _, want := range []string{"granted  to upload acme-*", "refused  to upload acme-*", " --names acme "} {
		if !strings.Contains(out, want) {
			t.Errorf("publisher explain does not say %q:\n%s", want, out)
		}
	}
	j.Index("publisher", "remove", id, "--names", "acme").OK(t)
	if status, body := j.upload(m.Token, packagingtest.Wheel("acme-new", "1.1", "x")); status != http.StatusForbidden {
		t.Errorf("a minted token outlived its publisher: %d %s", status, body)
	}
	if status, _ := j.get(j.HTTP, j.URL+"/simple/acme-one/", m.Token); status != http.StatusNotFound {
		t.Errorf("a minted token reads without its publisher: %d", status)
	}
}
