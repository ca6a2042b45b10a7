package cijob

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/workload/ciconfig"
)

const example = "pypi.acme.example"

// marks are the variables by which a job of each platform is recognized.
var marks = map[string]map[string]string{
	"Forgejo":      {"FORGEJO_ACTIONS": "true", "GITHUB_ACTIONS": "true"},
	"Gitea":        {"GITEA_ACTIONS": "true", "GITHUB_ACTIONS": "true"},
	"GitHub":       {"GITHUB_ACTIONS": "true"},
	"Buildkite":    {"BUILDKITE": "true"},
	"GitLab":       {"GITLAB_CI": "true"},
	"CircleCI":     {"CIRCLECI": "true"},
	"Semaphore":    {"SEMAPHORE": "true"},
	"Azure DevOps": {"TF_BUILD": "True"},
	"Bitbucket":    {"BITBUCKET_BUILD_NUMBER": "7"},
	"Jenkins":      {"JENKINS_URL": "https://jenkins.acme.example/"},
	"Google":       {"GOOGLE_SERVICE_ACCOUNT_NAME": "publisher@acme.iam.gserviceaccount.com"},
}

// inJob returns a job of a platform with more variables.
func inJob(t *testing.T, platform string, more map[string]string) *jobIdentity {
	t.Helper()
	env := maps.Clone(marks[platform])
	if env == nil {
		t.Fatalf("no platform %q", platform)
	}
	maps.Copy(env, more)
	return outside(t, env)
}

// TestIdentityMissing checks that a job without a token reads what to add to it, in the words of its platform.
func TestIdentityMissing(t *testing.T) {
	for platform, words := range map[string]string{
		"Forgejo":      "add enable-openid-connect: true",
		"Gitea":        "add enable-openid-connect: true",
		"GitHub":       "add permissions: id-token: write",
		"Buildkite":    "mount-buildkite-agent: true",
		"GitLab":       "add id_tokens: {PYPI_ACME_EXAMPLE_ID_TOKEN: {aud: pypi.acme.example}}",
		"CircleCI":     "circleci is not on the PATH; the command is part of every CircleCI job, which needs no context",
		"Semaphore":    "no SEMAPHORE_OIDC_TOKEN",
		"Azure DevOps": "no SYSTEM_OIDCREQUESTURI",
		"Bitbucket":    "add oidc: {audiences: [pypi.acme.example]}",
		"Jenkins":      "withCredentials([string(credentialsId: 'index-identity', variable: 'IDENTITY')])",
		"Google":       "gcloud is not on the PATH",
	} {
		got, err := inJob(t, platform, nil).token(t.Context(), example)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: token = %q, %v; want an error with %q", platform, got.Reveal(), err, words)
		}
	}
	if _, err := outside(t, nil).token(t.Context(), example); err == nil ||
		!strings.Contains(err.Error(), "Azure DevOps, Bitbucket or Jenkins") {
		t.Errorf("outside of a job: %v, want an error that lists the platforms", err)
	}
}

// TestIdentityByVariable checks the variables in which platforms put a token. Those of other platforms do not count.
func TestIdentityByVariable(t *testing.T) {
	for _, c := range []struct{ platform, audience, variable string }{
		{"GitLab", example, "PYPI_ACME_EXAMPLE_ID_TOKEN"},
		{"GitLab", "3d.acme.example", "_D_ACME_EXAMPLE_ID_TOKEN"},
		{"GitLab", "3d.acme.example", "3D_ACME_EXAMPLE_ID_TOKEN"},
		{"CircleCI", example, "CIRCLE_OIDC_TOKEN_V2"},
		{"Semaphore", example, "SEMAPHORE_OIDC_TOKEN"},
		{"Bitbucket", example, "BITBUCKET_STEP_OIDC_TOKEN"},
		{"Jenkins", example, "IDENTITY"},
	} {
		j := inJob(t, c.platform, map[string]string{c.variable: "a.b.c\n"})
		if got, err := j.token(t.Context(), c.audience); err != nil || got.Reveal() != "a.b.c" {
			t.Errorf("%s with %s: token = %q, %v", c.platform, c.variable, got.Reveal(), err)
		}
		for other := range marks {
			if other == c.platform {
				continue
			}
			if got, err := inJob(t, other, map[string]string{c.variable: "a.b.c"}).token(t.Context(), c.audience); err == nil {
				t.Errorf("%s with %s: token = %q, want none", other, c.variable, got.Reveal())
			}
		}
	}
}

// TestBuildkiteClaims checks that the job's own claims are kept, and that an agent that cannot add claims still gives a
// token.
func TestBuildkiteClaims(t *testing.T) {
	j := inJob(t, "Buildkite", map[string]string{"BUILDKITE_OIDC_TOKEN_CLAIMS": "cluster_id, pipeline_id,"})
	j.installed = func(string) bool { return true }
	var calls [][]string
	j.run = func(_ context.Context, _ string, args ...string) ([]byte, error) {
		calls = append(calls, args)
		if slices.Contains(args, "--claim") {
			return nil, &exec.ExitError{Stderr: []byte("Incorrect Usage: flag provided but not defined: -claim\n")}
		}
		return []byte("a.b.c"), nil
	}
	if got, err := j.token(t.Context(), example); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("token of an old agent = %q, %v", got.Reveal(), err)
	}
	asked := []string{"oidc", "request-token", "--audience", example}
	want := [][]string{append(asked, "--claim", "organization_id,pipeline_id,cluster_id"), asked}
	if !slices.EqualFunc(calls, want, slices.Equal) {
		t.Errorf("ran %q, want %q", calls, want)
	}
	for stderr, word := range map[string]string{
		"one\n\x1b[31mno such claim":      "no such claim",
		"the token eyJhbGci.e30.x is bad": "buildkite-agent oidc request-token",
	} {
		j.run = func(context.Context, string, ...string) ([]byte, error) {
			return nil, &exec.ExitError{Stderr: []byte(stderr)}
		}
		if _, err := j.token(t.Context(), example); err == nil || !strings.Contains(err.Error(), word) ||
			strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("the agent fails with %q: %q", stderr, err)
		}
	}
}

// TestForgejoService checks that a job on Forgejo asks the service in GitHub's variables, and reads Forgejo's words.
func TestForgejoService(t *testing.T) {
	status := http.StatusOK
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("audience") != example || q.Get("placeholder") != "true" {
			t.Errorf("the service was asked %s", r.URL)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"value":"a.b.c"}`)
	}))
	defer web.Close()
	env := map[string]string{
		"ACTIONS_ID_TOKEN_REQUEST_URL":   web.URL + "/api/actions/_apis/pipelines/workflows/7/idtoken?placeholder=true",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
	}
	if got, err := inJob(t, "Forgejo", env).token(t.Context(), example); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("token = %q, %v", got.Reveal(), err)
	}
	status = http.StatusForbidden
	_, err := inJob(t, "Forgejo", env).token(t.Context(), example)
	if err == nil || !strings.Contains(err.Error(), "Forgejo issued no identity token (status 403)") ||
		!strings.Contains(err.Error(), "enable-openid-connect") {
		t.Errorf("a refused request: %v", err)
	}
}

// azureJob is a job whose service is at address, of a collection at the same host.
func azureJob(t *testing.T, address string, more map[string]string) *jobIdentity {
	env := map[string]string{
		"SYSTEM_OIDCREQUESTURI": address + "/acme/_apis/distributedtask/oidctoken", "SYSTEM_ACCESSTOKEN": "secret",
		"SYSTEM_COLLECTIONURI": address + "/acme/",
	}
	maps.Copy(env, more)
	return inJob(t, "Azure DevOps", env)
}

func TestAzureService(t *testing.T) {
	status, body, connection := 200, `{"oidcToken":"a.b.c"}`, ""
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer secret" || q.Get("api-version") != "7.1" ||
			q.Get("serviceConnectionId") != connection || r.ContentLength != 0 {
			t.Errorf("the service was asked %s %s as %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer web.Close()
	if got, err := azureJob(t, web.URL, nil).token(t.Context(), example); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("token = %q, %v", got.Reveal(), err)
	}
	connection = "01890000-0000-4000-8000-000000000001"
	j := azureJob(t, web.URL, map[string]string{"SERVICE_CONNECTION_ID": connection})
	if got, err := j.token(t.Context(), example); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("token of a connection = %q, %v", got.Reveal(), err)
	}
	connection = ""
	for _, c := range []struct {
		status int
		body   string
	}{{200, `{}`}, {200, `x`}, {302, body}, {203, `<html>`}, {401, body}, {500, ``}} {
		status, body = c.status, c.body
		if got, err := azureJob(t, web.URL, nil).token(t.Context(), example); err == nil ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("token after %d %s = %q, %v", c.status, c.body, got.Reveal(), err)
		}
	}
}

// TestAzureBearer checks that the job's access token goes to Azure DevOps and to the agent's own server alone.
func TestAzureBearer(t *testing.T) {
	for _, c := range []struct {
		address, collection string
		sent                bool
	}{
		{"https://dev.azure.com/acme/x", "", true},
		{"https://vstoken.dev.azure.com/acme/x", "", true},
		{"https://acme.visualstudio.com/x", "", true},
		{"https://azure.acme.example/x", "https://azure.acme.example/DefaultCollection/", true},
		{"http://127.0.0.1:81/x", "http://127.0.0.1:81/acme/", true},
		{"http://127.0.0.1:81/x", "", false},
		{"http://127.0.0.1:82/x", "http://127.0.0.1:81/acme/", false},
		{"http://dev.azure.com/acme/x", "https://dev.azure.com/acme/", false},
		{"http://azure.acme.example/x", "http://azure.acme.example/acme/", false},
		{"https://azure.acme.example/x", "", false},
		{"https://azure.acme.example/x", "https://dev.azure.com/acme/", false},
		{"https://evildev.azure.com.example/x", "https://dev.azure.com/acme/", false},
		{"https://dev.azure.com.evil.example/x", "https://dev.azure.com/acme/", false},
		{"https://xdev.azure.com/x", "https://dev.azure.com/acme/", false},
		{"https://dev.azure.com@evil.example/x", "https://dev.azure.com/acme/", false},
		{"https://dev.azure.com:x@dev.azure.com/x", "", false},
		{"https://dev.azure.com:8443/x", "https://dev.azure.com/acme/", false},
		{"file:///etc/passwd", "", false},
		{"dev.azure.com/acme", "", false},
	} {
		sent := ""
		j := inJob(t, "Azure DevOps", map[string]string{
			"SYSTEM_OIDCREQUESTURI": c.address, "SYSTEM_ACCESSTOKEN": "secret", "SYSTEM_COLLECTIONURI": c.collection,
		})
		j.http = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r.Header.Get("Authorization")
			return nil, errors.New("not sent in a test")
		})}
		_, err := j.token(t.Context(), example)
		if got := sent == "Bearer secret"; got != c.sent || err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s with the collection %q: sent %v, %v; want %v", c.address, c.collection, got, err, c.sent)
		}
	}
	for _, bearer := range []string{"", "$(System.AccessToken)"} {
		j := azureJob(t, "https://dev.azure.com", map[string]string{"SYSTEM_ACCESSTOKEN": bearer})
		if _, err := j.token(t.Context(), example); err == nil ||
			!strings.Contains(err.Error(), "add env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)}") {
			t.Errorf("with the access token %q: %v", bearer, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestGoogleMetadata(t *testing.T) {
	status, flavor := 200, "Google"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/identity" ||
			r.URL.Query().Get("audience") != example || r.URL.Query().Get("format") != "full" ||
			r.Header.Get("Metadata-Flavor") != "Google" {
			t.Errorf("the metadata server was asked %s, flavor %q", r.URL, r.Header.Get("Metadata-Flavor"))
		}
		w.Header().Set("Metadata-Flavor", flavor)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		fmt.Fprint(w, "a.b.c")
	}))
	defer web.Close()
	env := map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(web.URL, "http://")}
	if got, err := outside(t, env).token(t.Context(), example); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("token = %q, %v", got.Reveal(), err)
	}
	for _, c := range []struct {
		status int
		flavor string
	}{{404, "Google"}, {302, "Google"}, {200, ""}, {200, "google"}} {
		status, flavor = c.status, c.flavor
		if got, err := outside(t, env).token(t.Context(), example); err == nil ||
			!strings.Contains(err.Error(), "needs a service account") {
			t.Errorf("token after %d with flavor %q = %q, %v", c.status, c.flavor, got.Reveal(), err)
		}
	}
	j := outside(t, env)
	j.installed = func(string) bool { return true }
	j.run = func(_ context.Context, program string, args ...string) ([]byte, error) {
		return []byte(strings.Join(append([]string{program}, args...), ".")), nil
	}
	if _, err := j.token(t.Context(), example); err == nil { // five words are no JWT
		t.Error("the output of gcloud was not looked at")
	}
	if got, err := j.find(t.Context(), example); err != nil ||
		got != "gcloud.auth.print-identity-token.--audiences=pypi.acme.example" {
		t.Errorf("without the metadata server: %q, %v", got, err)
	}
	env["GOOGLE_SERVICE_ACCOUNT_NAME"] = "p@acme.example"
	if got, err := j.find(t.Context(), example); err != nil ||
		!strings.HasSuffix(got, ".--impersonate-service-account=p@acme.example.--include-email") {
		t.Errorf("for another account: %q, %v", got, err)
	}
}

// TestOnGoogle checks how a machine of Google Cloud is recognized, and that a pod's projected token comes first.
func TestOnGoogle(t *testing.T) {
	j := outside(t, map[string]string{})
	j.machine = filepath.Join(t.TempDir(), "product_name")
	for text, want := range map[string]bool{
		"Google Compute Engine\n": true, "Google\n": true, "Standard PC\n": false, "": false, "Google Chromebook": false,
	} {
		if err := os.WriteFile(j.machine, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := j.onGoogle(); got != want {
			t.Errorf("onGoogle with the product %q = %v, want %v", text, got, want)
		}
	}
	if err := os.WriteFile(j.machine, []byte("Google\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if j.env = func(name string) string { return map[string]string{"NO_GCE_CHECK": "true"}[name] }; j.onGoogle() {
		t.Error("NO_GCE_CHECK does not count")
	}
	j.env = func(string) string { return "" }
	if err := os.WriteFile(j.projected, []byte("by.pod.x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := j.token(t.Context(), example); err != nil || got.Reveal() != "by.pod.x" {
		t.Errorf("token in a pod on Google Cloud = %q, %v", got.Reveal(), err)
	}
}

// TestDoctorAudience checks what the doctor says about the audience of a token that a job could not request, in the
// words of its platform.
func TestDoctorAudience(t *testing.T) {
	for _, c := range []struct {
		platform, variable string
		aud                func(own string) any
		status, word       string
	}{
		{
			"Semaphore", "SEMAPHORE_OIDC_TOKEN", func(string) any { return "https://acme.semaphoreci.com" }, "warning",
			`set audience = "https://acme.semaphoreci.com" for the issuer`,
		},
		{"Semaphore", "SEMAPHORE_OIDC_TOKEN", func(own string) any { return own }, "ok", ""},
		{"Bitbucket", "BITBUCKET_STEP_OIDC_TOKEN", func(own string) any { return []string{own} }, "ok", ""},
		{
			"Bitbucket", "BITBUCKET_STEP_OIDC_TOKEN", func(own string) any { return []string{own, "other"} }, "failed",
			"oidc: {audiences: [",
		},
		{
			"Bitbucket", "BITBUCKET_STEP_OIDC_TOKEN", func(string) any { return "ari:cloud:bitbucket::workspace/1" }, "failed",
			"oidc: {audiences: [",
		},
		{"Jenkins", "IDENTITY", func(string) any { return "elsewhere" }, "failed", "Set the audience of the OpenID Connect"},
		{"GitLab", "", func(string) any { return "elsewhere" }, "failed", "In id_tokens, set aud: "},
		{"CircleCI", "CIRCLE_OIDC_TOKEN_V2", func(string) any { return "ORG" }, "failed", "Request a token with the"},
	} {
		t.Run(c.platform, func(t *testing.T) {
			k := newClinicOf(t, "generic")
			claims := k.issuer.Claims("", time.Now(), nil)
			claims["aud"] = c.aud(k.audience)
			k.env = maps.Clone(marks[c.platform])
			if c.variable == "" {
				c.variable = ciconfig.IDTokenVariable(k.audience)
			}
			k.env[c.variable] = k.issuer.Sign(claims)
			d := k.examine(nil)
			k.want(d, "identity token", "ok", "")
			k.want(d, "claims", c.status, c.word)
		})
	}
}

// TestLoginAudience checks that a login that is refused for its token's audience says how the job sets it, and that one
// refused for another reason does not.
func TestLoginAudience(t *testing.T) {
	for _, c := range []struct {
		platform, variable, refusal, word string
		told                              bool
	}{
		{"Bitbucket", "BITBUCKET_STEP_OIDC_TOKEN", "its audience (aud) is wrong", "oidc: {audiences: [", true},
		{"Jenkins", "IDENTITY", "its audience (aud) is wrong", "id token credential to ", true},
		{"Semaphore", "SEMAPHORE_OIDC_TOKEN", "its audience (aud) is wrong", `has to set audience = "elsewhere"`, true},
		{"Semaphore", "SEMAPHORE_OIDC_TOKEN", "no corresponding publisher", "has to set audience", false},
		{"Semaphore", "INDEX_ID_TOKEN", "its audience (aud) is wrong", "Request a token with the audience", true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/_/oidc/audience" {
				fmt.Fprintf(w, `{"audience": %q}`, r.Host)
				return
			}
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprintf(w, `{"errors": [{"code": "invalid-token", "description": %q}]}`, c.refusal)
		}))
		claims := base64.RawURLEncoding.EncodeToString([]byte(`{"aud": "elsewhere", "iss": "https://ci.acme.example"}`))
		job := inJob(t, c.platform, map[string]string{c.variable: "x." + claims + ".x"})
		site, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		l := &login{site: site, scope: "read"}
		err = l.exchange(t.Context(), newIndexClient(site), job, "")
		if err == nil || strings.Contains(err.Error(), c.word) != c.told || strings.Contains(err.Error(), claims) {
			t.Errorf("%s, refused because %s: %v; want %q in it: %v", c.platform, c.refusal, err, c.word, c.told)
		}
		server.Close()
	}
}
