package trusted_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// job is a server over TLS that trusts one issuer, and what a CI job of acme/widgets has at hand.
type job struct {
	*clienttest.Server
	t      *testing.T
	issuer *issuertest.Issuer
	bundle string // PEM file of both authorities, as a runner's own store would have them
}

func newJob(t *testing.T) *job {
	t.Helper()
	return newJobOf(t, "github")
}

// newJobOf is newJob for another kind of issuer, with more settings: those of the issuer come first.
func newJobOf(t *testing.T, kind string, settings ...string) *job {
	t.Helper()
	issuer := issuertest.New(t, issuertest.Options{})
	config := filepath.Join(t.TempDir(), "index.toml")
	text := fmt.Sprintf("[[oidc.issuers]]\nkind = %q\nissuer = %q\nca_file = %q\n%s", kind, issuer.URL, issuer.CAFile(t),
		strings.Join(settings, "\n"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := clienttest.Serve(t, clienttest.Options{TLS: true, Env: []string{"INDEX_CONFIG=" + config}})
	s.User("alice", true)
	return &job{Server: s, t: t, issuer: issuer, bundle: bundle(t, s.CA, issuer.CAFile(t))}
}

func bundle(t *testing.T, files ...string) string {
	t.Helper()
	var all []byte
	for _, f := range files {
		pem, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pem...)
	}
	path := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// trust registers acme/widgets' release workflow for a project.
func (j *job) trust(project string, more ...string) {
	j.t.Helper()
	args := []string{
		"publisher", "add", "github", "--issuer", j.issuer.URL, "--project", project, "--owner", "acme",
		"--repository", "widgets", "--workflow", "release.yml", "--environment", "release", "--owner-id", "4242",
	}
	j.Index(append(args, more...)...).OK(j.t)
}

// env is what a job on a hosted runner with "id-token: write" sees.
func (j *job) env() []string {
	return []string{
		"GITHUB_ACTIONS=true", "CI=true",
		"ACTIONS_ID_TOKEN_REQUEST_URL=" + j.issuer.TokenURL(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + issuertest.JobBearer,
		"SSL_CERT_FILE=" + j.bundle, "REQUESTS_CA_BUNDLE=" + j.bundle, "TWINE_CERT=" + j.bundle,
	}
}

// audience is the action's first request: one key, no credentials, no redirect.
func (j *job) audience() string {
	j.t.Helper()
	status, body := j.get(j.HTTP, j.URL+"/_/oidc/audience", "")
	var answer map[string]string
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer) != 1 {
		j.t.Fatalf("the audience: %d %s", status, body)
	}
	return answer["audience"]
}

// identity is the action's second request: the job's token for an audience, from the issuer.
func (j *job) identity(audience string) string {
	j.t.Helper()
	return j.issuer.Sign(j.issuer.Claims(audience, now(), nil))
}

// minted is the answer to the action's third request.
type minted struct {
	Success bool
	Token   string
	Expires int64
	Message string
	Errors  []struct{ Code, Description string }
}

// mint sends an identity token as the action does, and checks that the answer has the form that it reads.
func (j *job) mint(path, token string) (int, minted) {
	j.t.Helper()
	status, m, err := j.exchange(path, token)
	if err != nil {
		j.t.Fatal(err)
	}
	return status, m
}

// exchange is mint for use beside the test's own goroutine.
func (j *job) exchange(path, token string) (int, minted, error) {
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return 0, minted{}, err
	}
	answer, err := j.HTTP.Post(j.URL+path, "application/x-www-form-urlencoded", bytes.NewReader(body))
	if err != nil {
		return 0, minted{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	var m minted
	if err := json.NewDecoder(answer.Body).Decode(&m); err != nil {
		return 0, minted{}, fmt.Errorf("the answer of %s is no JSON: %d, %w", path, answer.StatusCode, err)
	}
	if m.Token == "" && len(m.Errors) == 0 {
		return 0, minted{}, fmt.Errorf("the answer of %s has neither a token nor errors: %d", path, answer.StatusCode)
	}
	return answer.StatusCode, m, nil
}

func (j *job) get(c *http.Client, url, bearer string) (int, []byte) {
	j.t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		j.t.Fatal(err)
	}
	if bearer != "" {
		r.SetBasicAuth("__token__", bearer)
	}
	answer, err := c.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		j.t.Fatal(err)
	}
	return answer.StatusCode, body
}

// listed reports whether a project's page, read with an administrator's token, names a file.
func (j *job) listed(project, file string) bool {
	j.t.Helper()
	status, body := j.get(j.HTTP, j.URL+"/simple/"+project+"/", j.Token("alice", "--scope", "read"))
	return status == http.StatusOK && strings.Contains(string(body), file)
}
