package trusted_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// TestConfiguredAudience checks that clients publish to an index whose issuers have configured audiences: the index
// tells them an audience that the issuer accepts, and the printed file, login and the doctor agree with it.
func TestConfiguredAudience(t *testing.T) {
	const own = "index.team.example"
	second := "\n[[oidc.issuers]]\nkind = \"google\"\nissuer = \"https://accounts.google.com\"\n"
	for _, c := range []struct {
		name, settings, told string // told is "" for the host
	}{
		{"one issuer", "audience = \"" + own + "\"\n", own},
		{"issuers that agree", "audience = \"" + own + "\"\n" + second + "audience = \"" + own + "\"\n", own},
		{"issuers that differ", "audience = \"" + own + "\"\n" + second, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Run("uv", func(t *testing.T) {
				t.Parallel()
				j := newJobOf(t, "github", c.settings)
				j.tells(c.told)
				j.trust("acme-greeter", "--pending")
				j.publishes(clienttest.UV(t).Set(j.env()...))
			})
			t.Run("uv on GitLab", func(t *testing.T) {
				t.Parallel()
				j := newJobOf(t, "gitlab", c.settings)
				j.trustGitLab()
				script, tokens := j.steps(j.pasted("uv"), kinds[0].claims)
				env := append(j.env()[4:], "GITLAB_CI=true", "CURL_CA_BUNDLE="+j.bundle)
				dir, file := built(t)
				clienttest.UV(t).Set(append(env, tokens...)...).Shell(t, dir, script).OK(t)
				if !j.listed("acme-greeter", file) {
					t.Error("the file was published and is not listed")
				}
				if c.told != "" && !strings.HasPrefix(tokens[0], "INDEX_TEAM_EXAMPLE_ID_TOKEN=") {
					t.Errorf("the printed variable is %.40s…, but uv derives its name from %s", tokens[0], c.told)
				}
			})
			t.Run("login and doctor", func(t *testing.T) {
				t.Parallel()
				j := newJobOf(t, "github", c.settings)
				j.trust("acme-greeter", "--pending")
				j.logsIn(c.told)
			})
			t.Run("its own audience", func(t *testing.T) {
				t.Parallel()
				j := newJobOf(t, "github", c.settings)
				j.trust("acme-greeter", "--pending")
				if status, m := j.mint("/_/oidc/mint-token", j.identity(own)); status != http.StatusOK {
					t.Errorf("a token for the configured audience: %d %+v", status, m)
				}
				status, m := j.mint("/_/oidc/mint-token", j.identity("index.other.example"))
				if status != http.StatusUnprocessableEntity || m.Errors[0].Code != "invalid-token" {
					t.Errorf("a token for another audience: %d %+v", status, m)
				}
			})
		})
	}
}

// tells checks the audience that the index tells clients. "" stands for its host.
func (j *job) tells(audience string) {
	j.t.Helper()
	if audience == "" {
		audience = strings.TrimPrefix(j.URL, "https://")
	}
	if got := j.audience(); got != audience {
		j.t.Errorf("the index tells %q, want %q", got, audience)
	}
}

// trustGitLab registers the job of kinds[0] for a new project.
func (j *job) trustGitLab() {
	j.t.Helper()
	j.Index(append([]string{
		"publisher", "add", "gitlab", "--issuer", j.issuer.URL, "--project", "acme-greeter", "--pending",
	}, kinds[0].add...)...).OK(j.t)
}

// publishes publishes a sample with uv's own exchange.
func (j *job) publishes(uv *clienttest.Client) {
	j.t.Helper()
	files := clienttest.Sample(j.t, "setuptools", "1.0")
	args := []string{"publish", "--trusted-publishing", "always", "--publish-url", j.URL + "/legacy/"}
	uv.Run(j.t, "", append(args, files...)...).OK(j.t)
	if !j.listed("acme-greeter", filepath.Base(files[0])) {
		j.t.Error("the file was published and is not listed")
	}
}

// logsIn checks that login gets a token. It asks for an audience other than the host only if the user names it.
func (j *job) logsIn(told string) {
	j.t.Helper()
	args := []string{"--scope", "upload", "--format", "env"}
	if told != "" {
		j.login(j.env(), args...).Refused(j.t, "--audience "+told)
		args = append(args, "--audience", told)
	}
	j.login(j.env(), args...).OK(j.t)
	doctor := []string{"doctor", "publish", "--repository-url", j.URL + "/legacy/"}
	if told != "" {
		doctor = append(doctor, "--audience", told)
	}
	r := j.run(j.env(), doctor...)
	if !slices.ContainsFunc(strings.Split(r.Stdout, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "ok") && strings.Contains(line, "requests tokens for")
	}) || strings.Contains(r.Stdout, "FAIL") && strings.Contains(r.Stdout, "audience of the token") {
		j.t.Errorf("the doctor does not agree about the audience:\n%s", r.Stdout)
	}
}
