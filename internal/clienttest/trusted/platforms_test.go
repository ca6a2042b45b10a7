package trusted_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// ci is a CI system: the publisher that an administrator adds for a job, the claims of the job's token, and what makes
// clients believe that they run in it.
type ci struct {
	kind     string   // of the issuer and the publisher
	add      []string // flags of publisher add
	claims   map[string]any
	stranger map[string]any // of another job on the platform, where they differ
	word     string         // of the stranger's refusal
	fixed    string         // audience of all tokens; ISSUER stands for the issuer's URL
	noID     bool           // tokens have no jti
	list     bool           // tokens have a list of one audience
	second   bool           // jobs get the token of another issuer unless they ask for the root's
	variants [][2]string    // of the printed file: the word for --with, and the client that it needs
	detected bool           // id knows the system
}

const (
	someID  = "01890000-0000-4000-8000-00000000000a"
	otherID = "01890000-0000-4000-8000-00000000000b"
)

var cis = []ci{
	{
		kind: "github",
		add: []string{
			"--owner", "acme", "--repository", "widgets", "--workflow", "release.yml", "--environment", "release",
			"--owner-id", "4242",
		},
		claims: map[string]any{
			"sub": "repo:acme/widgets:environment:release", "repository": "acme/widgets", "repository_owner": "acme",
			"repository_owner_id": "4242", "repository_id": "777", "environment": "release", "event_name": "push",
			"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0", "ref": "refs/tags/v1.0",
			"ref_type": "tag", "workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0",
			"runner_environment": "github-hosted", "run_id": "99", "run_attempt": "1",
			"sha": "0123456789abcdef0123456789abcdef01234567",
		},
		stranger: map[string]any{"environment": "staging"}, word: "environment",
		variants: [][2]string{{"uv", "uv"}},
		detected: true,
	},
	{
		kind:     "gitlab",
		add:      kinds[0].add,
		claims:   kinds[0].claims,
		stranger: kinds[0].stranger, word: kinds[0].word,
		variants: [][2]string{{"uv", "uv"}, {"twine", "twine"}},
		detected: true,
	},
	{
		kind: "circleci",
		add: []string{
			"--org-id", someID, "--project-id", someID, "--pipeline-definition-id", someID, "--vcs-ref", "refs/tags/v*",
			"--vcs-origin", "github.com/acme/widgets",
		},
		claims: map[string]any{
			"sub":                           "org/" + someID + "/project/" + someID + "/user/" + someID,
			"oidc.circleci.com/org-id":      someID,
			"oidc.circleci.com/project-id":  someID,
			"oidc.circleci.com/context-ids": []string{},
			"oidc.circleci.com/ssh-rerun":   false,
			"oidc.circleci.com/vcs-ref":     "refs/tags/v1.0",
			"oidc.circleci.com/vcs-origin":  "github.com/acme/widgets",
			"oidc.circleci.com/pipeline-id": otherID,
			"oidc.circleci.com/job-id":      otherID,
			"oidc.circleci.com/workflow-id": otherID,
			circlePipeline:                  someID,
		},
		stranger: map[string]any{circlePipeline: otherID}, word: "pipeline-definition-id",
		noID: true, second: true,
		variants: [][2]string{{"uv", "uv"}, {"twine", "twine"}},
		detected: true,
	},
	{
		kind: "google",
		add:  []string{"--email", "publisher@acme.iam.gserviceaccount.com"},
		claims: map[string]any{
			"sub": "111222333", "azp": "111222333", "email": "publisher@acme.iam.gserviceaccount.com", "email_verified": true,
		},
		stranger: map[string]any{"sub": "444", "azp": "444", "email": "other@acme.iam.gserviceaccount.com"},
		word:     "no project here trusts",
		noID:     true,
		variants: [][2]string{{"cloudbuild", "uv"}, {"script", "uv"}},
		detected: true,
	},
	{
		kind: "buildkite",
		add: []string{
			"--organization", "acme", "--pipeline", "widgets", "--tag", "v*", "--pipeline-id", someID, "--organization-id",
			someID,
		},
		claims: map[string]any{
			"sub":               "organization:acme:pipeline:widgets:ref:refs/tags/v1.0:commit:0123456:step:publish",
			"organization_slug": "acme", "pipeline_slug": "widgets", "build_branch": "v1.0", "build_tag": "v1.0",
			"build_number": 7, "build_commit": "0123456", "build_source": "webhook", "step_key": "publish",
			"job_id": otherID, "agent_id": otherID, "runner_environment": "self-hosted",
		},
		stranger: map[string]any{"pipeline_id": otherID}, word: "pipeline_id",
		noID:     true,
		variants: [][2]string{{"uv", "uv"}, {"script", "uv"}},
		detected: true,
	},
	{
		kind: "forgejo",
		add: []string{
			"--owner", "acme", "--repository", "widgets", "--workflow", "release.yml", "--ref", "refs/tags/v*",
		},
		claims: map[string]any{
			"sub": "repo:acme/widgets:ref:refs/tags/v1.0", "repository": "acme/widgets", "repository_owner": "acme",
			"ref": "refs/tags/v1.0", "ref_type": "tag", "ref_protected": "false", "event_name": "push", "run_id": "7",
			"workflow": "release.yml", "workflow_ref": "acme/widgets/.forgejo/workflows/release.yml@refs/tags/v1.0",
			"actor": "alice", "sha": "0123456789abcdef0123456789abcdef01234567",
		},
		stranger: map[string]any{"ref": "refs/heads/main", "sub": "repo:acme/widgets:ref:refs/heads/main"}, word: "ref",
		noID:     true,
		variants: [][2]string{{"uv", "uv"}, {"twine", "twine"}},
		detected: true,
	},
	{
		kind: "semaphore",
		add:  []string{"--project-id", someID, "--ref", "refs/tags/v*", "--ref-type", "tag"},
		claims: map[string]any{
			"sub": "org:acme:project:" + someID + ":repo:widgets:ref_type:tag:ref:refs/tags/v1.0", "org": "acme",
			"org_id": otherID, "prj": "widgets", "prj_id": someID, "repo": "widgets", "repo_slug": "acme/widgets",
			"ref": "refs/tags/v1.0", "ref_type": "tag", "tag": "v1.0", "job_type": "pipeline_job", "wf_id": otherID,
			"ppl_id": otherID, "job_id": otherID, "branch": "", "pr": "", "pr_branch": "", "trg": "hook",
		},
		stranger: map[string]any{"job_type": "debug_job"}, word: "job_type",
		fixed:    "ISSUER",
		variants: [][2]string{{"twine", "twine"}},
	},
	{
		kind: "azure-devops",
		add: []string{
			"--organization", "acme", "--azure-devops-project", "widgets", "--pipeline", "release", "--ref", "refs/tags/v*",
		},
		claims: map[string]any{
			"sub": "p://acme/widgets/release", "org_id": someID, "prj_id": someID, "def_id": "1", "rpo_id": someID,
			"rpo_uri": "https://dev.azure.com/acme/widgets/_git/widgets", "rpo_ver": "0123456", "rpo_ref": "refs/tags/v1.0",
			"run_id": "7",
		},
		stranger: map[string]any{"rpo_ref": "refs/heads/main"}, word: "rpo_ref",
		fixed:    "api://AzureADTokenExchange",
		variants: [][2]string{{"twine", "twine"}},
	},
	{
		kind: "bitbucket",
		add:  []string{"--repository-id", someID},
		claims: map[string]any{
			"sub": "{" + someID + "}:{" + otherID + "}", "workspaceUuid": "{" + otherID + "}",
			"repositoryUuid": "{" + someID + "}", "pipelineUuid": "{" + otherID + "}", "stepUuid": "{" + otherID + "}",
		},
		stranger: map[string]any{"repositoryUuid": "{" + otherID + "}"}, word: "no project here trusts",
		noID: true, list: true,
		variants: [][2]string{{"uv", "uv"}},
	},
	{
		kind:     "jenkins",
		add:      []string{"--job", "https://jenkins.acme.example/job/widgets/"},
		claims:   map[string]any{"sub": "https://jenkins.acme.example/job/widgets/", "build_number": 7},
		stranger: map[string]any{"sub": "https://jenkins.acme.example/job/other/"}, word: "no project here trusts",
		noID:     true,
		variants: [][2]string{{"uv", "uv"}},
	},
	{
		kind: "kubernetes",
		add:  []string{"--namespace", "ci", "--service-account", "publisher"},
		claims: map[string]any{
			"sub": "system:serviceaccount:ci:publisher",
			"kubernetes.io": map[string]any{
				"namespace": "ci", "serviceaccount": map[string]any{"name": "publisher", "uid": someID},
			},
		},
		stranger: map[string]any{"sub": "system:serviceaccount:ci:default"}, word: "no project here trusts",
		list:     true,
		variants: [][2]string{{"uv", "uv"}},
	},
}

const circlePipeline = "oidc.circleci.com/pipeline-definition-id"

// yard is an index that trusts an issuer for each CI system.
type yard struct {
	*job
	issuers map[string]*issuertest.Issuer
	other   *issuertest.Issuer // that the index does not trust
	issued  atomic.Int64
}

func newYard(t *testing.T, all []ci) *yard {
	t.Helper()
	y := &yard{issuers: map[string]*issuertest.Issuer{}, other: issuertest.New(t, issuertest.Options{})}
	var text strings.Builder
	for _, c := range all {
		i := issuertest.New(t, issuertest.Options{})
		y.issuers[c.kind] = i
		fmt.Fprintf(&text, "[[oidc.issuers]]\nkind = %q\nissuer = %q\nca_file = %q\n", c.kind, i.URL, i.CAFile(t))
		if a := y.fixed(c); a != "" {
			fmt.Fprintf(&text, "audience = %q\n", a)
		}
	}
	config := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// The name begins with a letter, so that all clients look for the same variable on GitLab.
	s := clienttest.Serve(t, clienttest.Options{TLS: true, Host: "localhost", Env: []string{"INDEX_CONFIG=" + config}})
	s.User("alice", true)
	y.job = &job{Server: s, t: t, bundle: bundle(t, s.CA, y.other.CAFile(t))}
	return y
}

// fixed returns the audience that a platform fixes, or "".
func (y *yard) fixed(c ci) string {
	return strings.Replace(c.fixed, "ISSUER", y.issuers[c.kind].URL, 1)
}

// token signs a token of a job.
func (y *yard) token(c ci, audience string, over ...map[string]any) string {
	issuer := y.issuers[c.kind]
	at := time.Now().Add(-time.Duration(y.issued.Add(1)) * time.Second) // so that no two tokens are the same
	all := map[string]any{"iss": issuer.URL, "iat": at.Unix(), "nbf": at.Unix(), "exp": at.Add(30 * time.Minute).Unix()}
	for _, m := range append([]map[string]any{c.claims}, over...) {
		maps.Copy(all, m)
	}
	for name, v := range all {
		if text, ok := v.(string); ok {
			all[name] = strings.Replace(text, "HOST", strings.TrimPrefix(issuer.URL, "https://"), 1)
		}
	}
	if !c.noID {
		all["jti"] = fmt.Sprint(c.kind, y.issued.Add(1))
	}
	all["aud"] = audience
	if fixed := y.fixed(c); fixed != "" {
		all["aud"] = fixed
	} else if c.list {
		all["aud"] = []string{audience}
	}
	if all["iss"] == y.other.URL {
		return y.other.Sign(all)
	}
	return issuer.Sign(all)
}

const bearer = "job-secret"

// service is the platform's own token service of one job: what its runner, its metadata server and its programs ask.
func (y *yard) service(t *testing.T, c ci, over map[string]any) *httptest.Server {
	t.Helper()
	m := http.NewServeMux()
	allowed := func(w http.ResponseWriter, r *http.Request) bool {
		ok := strings.EqualFold(r.Header.Get("Authorization"), "Bearer "+bearer)
		if !ok {
			http.Error(w, "no bearer", http.StatusUnauthorized)
		}
		return ok
	}
	m.HandleFunc("GET /actions", func(w http.ResponseWriter, r *http.Request) {
		if allowed(w, r) {
			_ = json.NewEncoder(w).Encode(map[string]string{"value": y.token(c, r.URL.Query().Get("audience"), over)})
		}
	})
	m.HandleFunc("POST /acme/oidctoken", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("api-version") != "7.1" {
			http.Error(w, "no version", http.StatusBadRequest)
		} else if allowed(w, r) {
			_ = json.NewEncoder(w).Encode(map[string]string{"oidcToken": y.token(c, "", over)})
		}
	})
	m.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/identity",
		func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Metadata-Flavor") != "Google" || r.URL.Query().Get("format") != "full" {
				http.Error(w, "no flavor", http.StatusForbidden)
				return
			}
			w.Header().Set("Metadata-Flavor", "Google")
			_, _ = w.Write([]byte(y.token(c, r.URL.Query().Get("audience"), over)))
		})
	m.HandleFunc("GET /program", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		audience, claims := q.Get("audience"), map[string]any{}
		for name := range strings.SplitSeq(q.Get("claims"), ",") {
			if name != "" { // an id that the agent was asked for
				claims[name] = someID
				if v, ok := over[name]; ok {
					claims[name] = v
				}
			}
		}
		if c.second {
			var asked struct{ Aud string }
			if err := json.Unmarshal([]byte(q.Get("json")), &asked); err != nil {
				http.Error(w, "no JSON", http.StatusBadRequest)
				return
			}
			if audience = asked.Aud; q.Get("root") != "yes" {
				claims["iss"] = y.other.URL
			}
		}
		_, _ = w.Write([]byte(y.token(c, audience, maps.Collect(func(yield func(string, any) bool) {
			for name, v := range over {
				if name != "pipeline_id" && !yield(name, v) {
					return
				}
			}
		}), claims) + "\n"))
	})
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	return s
}

// agent stands for buildkite-agent, and circleci for the program of the same name. Each understands what clients write.
const agent = `#!/bin/sh
claims=$BUILDKITE_OIDC_TOKEN_CLAIMS
case "$1 $2" in
"artifact download") exit 0 ;;
"oidc request-token") shift 2 ;;
*) echo "unknown command $*" >&2; exit 2 ;;
esac
while [ $# -gt 0 ]; do
	case $1 in
	--audience) audience=$2 ;;
	--claim) claims=$2 ;;
	*) echo "flag provided but not defined: $1" >&2; exit 2 ;;
	esac
	shift 2
done
exec curl -sSf --get --data-urlencode "audience=$audience" --data-urlencode "claims=$claims" SERVICE/program
`

const circleci = `#!/bin/sh
[ "$1 $2 $3" = "run oidc get" ] || { echo "unknown command $*" >&2; exit 2; }
shift 3
while [ $# -gt 0 ]; do
	case $1 in
	--root-issuer) root=yes; shift ;;
	--claims) json=$2; shift 2 ;;
	*) echo "unknown flag $1" >&2; exit 2 ;;
	esac
done
exec curl -sSf --get --data-urlencode "json=$json" --data-urlencode "root=$root" SERVICE/program
`

// programs writes the platform's programs into a folder of their own, and returns it.
func programs(t *testing.T, service string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"buildkite-agent": agent, "circleci": circleci} {
		text = strings.ReplaceAll(text, "SERVICE", service)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// variables returns the environment of every job of a platform, whatever its file says, and the folder of the
// platform's programs.
func (y *yard) variables(t *testing.T, c ci, over map[string]any) (env []string, bin string) {
	t.Helper()
	at := y.service(t, c, over).URL
	env = []string{
		"CI=true", "SSL_CERT_FILE=" + y.bundle, "REQUESTS_CA_BUNDLE=" + y.bundle, "TWINE_CERT=" + y.bundle,
		"CURL_CA_BUNDLE=" + y.bundle,
	}
	actions := []string{
		"GITHUB_ACTIONS=true", "ACTIONS_ID_TOKEN_REQUEST_URL=" + at + "/actions?placeholder=true",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + bearer,
	}
	switch c.kind {
	case "github":
		env = append(env, actions...)
	case "forgejo":
		env = append(env, append(actions, "FORGEJO_ACTIONS=true", "GITEA_ACTIONS=true")...)
	case "gitlab":
		env = append(env, "GITLAB_CI=true")
	case "circleci":
		env, bin = append(env, "CIRCLECI=true"), programs(t, at)
	case "buildkite":
		env, bin = append(env, "BUILDKITE=true"), programs(t, at)
	case "semaphore":
		env = append(env, "SEMAPHORE=true", "SEMAPHORE_OIDC_TOKEN="+y.token(c, "", over))
	case "azure-devops":
		env = append(env, "TF_BUILD=True", "SYSTEM_COLLECTIONURI="+at+"/acme/",
			"SYSTEM_OIDCREQUESTURI="+at+"/acme/oidctoken")
	case "bitbucket":
		env = append(env, "BITBUCKET_BUILD_NUMBER=7")
	case "jenkins":
		env = append(env, "JENKINS_URL=https://jenkins.acme.example/")
	case "google":
		u, _ := url.Parse(at)
		home := t.TempDir()
		line := "connect-to = \"metadata.google.internal:80:" + u.Host + "\"\n" // curl's own setting
		if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, "CURL_HOME="+home, "GCE_METADATA_HOST="+u.Host)
	}
	return env, bin
}

// declared returns the variables and files that a job has because its file says so, as the manual tells people to write
// it: for clients that do without the printed file.
func (y *yard) declared(t *testing.T, c ci, over map[string]any) (env, flags []string) {
	t.Helper()
	raw := func() string { return y.token(c, y.audience(), over) }
	switch c.kind {
	case "gitlab":
		name := strings.NewReplacer(":", "_", ".", "_").Replace(strings.ToUpper(y.audience())) + "_ID_TOKEN"
		env = append(env, name+"="+raw())
	case "buildkite":
		env = append(env, "BUILDKITE_OIDC_TOKEN_CLAIMS=organization_id,pipeline_id")
	case "azure-devops":
		env = append(env, "SYSTEM_ACCESSTOKEN="+bearer)
	case "bitbucket":
		env = append(env, "BITBUCKET_STEP_OIDC_TOKEN="+raw())
	case "jenkins":
		env = append(env, "IDENTITY="+raw())
	case "kubernetes":
		flags = append(flags, "--token-file", tokenFile(t, raw()))
	}
	return env, flags
}

func tokenFile(t *testing.T, raw string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// client returns the real client with an environment, and with the platform's programs before all others.
func client(t *testing.T, name, bin string, env []string) *clienttest.Client {
	t.Helper()
	c := clienttest.UV(t)
	if name == "twine" {
		c = clienttest.Twine(t)
	}
	path := filepath.Dir(c.Interpreter()) + ":/usr/local/bin:/usr/bin:/bin"
	if bin != "" {
		path = bin + ":" + path
	}
	return c.Set(append(slices.Clone(env), "PATH="+path)...)
}

// wheel writes a new version of a project into dist of a folder, and returns the folder and the file's name.
func (y *yard) wheel(t *testing.T, project string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	f := packagingtest.Wheel(project, fmt.Sprint("1.", y.issued.Add(1)), "x")
	if err := os.Mkdir(filepath.Join(dir, "dist"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dist", f.Name), f.Bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, f.Name
}

// TestPlatforms publishes from a job of each CI system: by the file that the index prints, run as it is printed, by the
// clients that detect the system themselves, and by index login. Another job on the same platform is refused each time
// with the reason.
func TestPlatforms(t *testing.T) {
	y := newYard(t, cis)
	for _, c := range cis {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			project := "from-" + c.kind
			y.Index(append([]string{
				"publisher", "add", c.kind, "--issuer", y.issuers[c.kind].URL, "--project", project, "--pending",
			}, c.add...)...).OK(t)
			for _, v := range c.variants {
				t.Run("printed file for "+v[0], func(t *testing.T) { y.runsPrinted(t, c, project, v[0], v[1]) })
			}
			t.Run("login and doctor", func(t *testing.T) { y.logsIn(t, c, project) })
			if c.detected {
				t.Run("id in twine", func(t *testing.T) { y.detects(t, c, project) })
			}
		})
	}
}

// runsPrinted runs the commands of the printed file, as the publisher's job and as a stranger's.
func (y *yard) runsPrinted(t *testing.T, c ci, project, with, tool string) {
	text := y.Index("publisher", "workflow", "--project", project, "--with", with, "--base-url", y.URL).OK(t).Stdout
	run := func(over map[string]any) (clienttest.Result, string) {
		env, bin := y.variables(t, c, over)
		script, more := y.commands(t, c, with, text, over)
		dir, file := y.wheel(t, project)
		path := filepath.Join(t.TempDir(), "job.sh")
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		return client(t, tool, bin, append(env, more...)).Shell(t, dir, "exec bash -eo pipefail "+path), file
	}
	r, file := run(nil)
	if r.OK(t); !y.listed(project, file) {
		t.Errorf("%s was published and is not listed", file)
	}
	r, file = run(c.stranger)
	if r.Refused(t, "invalid-publisher", c.word); y.listed(project, file) {
		t.Errorf("%s of another job is listed", file)
	}
	if strings.Contains(r.Output(), "eyJ") || strings.Contains(r.Output(), bearer) {
		t.Errorf("the job shows a token: %s", r.Output())
	}
}

// logsIn runs index login and index doctor publish in the job.
func (y *yard) logsIn(t *testing.T, c ci, project string) {
	job := func(over map[string]any, args ...string) clienttest.Result {
		env, bin := y.variables(t, c, over)
		more, flags := y.declared(t, c, over)
		env = append(append(env, more...), "PATH="+strings.TrimPrefix(bin+":/usr/bin:/bin", ":"))
		return y.run(env, append(args, flags...)...)
	}
	upload := []string{"login", "--url", y.URL, "--scope", "upload"}
	token := secret(t, job(nil, upload...).OK(t).Stdout)
	f := packagingtest.Wheel(project, fmt.Sprint("2.", y.issued.Add(1)), "x")
	if status, body := y.upload(token, f); status != http.StatusOK || !y.listed(project, f.Name) {
		t.Errorf("an upload with login's token: %d %s", status, body)
	}
	job(c.stranger, upload...).Refused(t, "invalid-publisher", c.word)
	doctor := []string{"doctor", "publish", "--repository-url", y.URL + "/legacy/", "--exchange"}
	r := job(nil, doctor...).OK(t).Says(t, "identity token: this job has one", "exchange: granted until")
	if fixed := y.fixed(c); fixed != "" {
		r.Says(t, "set audience = \""+fixed+"\" for the issuer")
	}
	job(c.stranger, doctor...).Refused(t, "exchange: refused with status 422", c.word)
}

// TestBuildkiteWithoutIDs checks that a pinned publisher refuses a job that does not request the ids, and that the
// refusal says how to.
func TestBuildkiteWithoutIDs(t *testing.T) {
	i := slices.IndexFunc(cis, func(c ci) bool { return c.kind == "buildkite" })
	c := cis[i]
	y := newYard(t, cis[i:i+1])
	y.Index(append([]string{
		"publisher", "add", c.kind, "--issuer", y.issuers[c.kind].URL, "--project", "from-buildkite", "--pending",
	}, c.add...)...).OK(t)
	env, bin := y.variables(t, c, nil)
	dir, file := y.wheel(t, "from-buildkite")
	args := []string{
		"publish", "--trusted-publishing", "always", "--publish-url", y.URL + "/legacy/", filepath.Join("dist", file),
	}
	client(t, "uv", bin, env).Run(t, dir, args...).Refused(t, "pipeline_id", "BUILDKITE_OIDC_TOKEN_CLAIMS=organization_id")
	env = append(env, "BUILDKITE_OIDC_TOKEN_CLAIMS=organization_id,pipeline_id")
	if client(t, "uv", bin, env).Run(t, dir, args...).OK(t); !y.listed("from-buildkite", file) {
		t.Errorf("%s was published and is not listed", file)
	}
}

// googleHere makes id believe that it runs on a machine of Google Cloud whose metadata server is that of the test.
const googleHere = `
import os
from id._internal.oidc import ambient
ambient._GCP_PRODUCT_NAME_FILE = os.environ["TEST_PRODUCT_NAME"]
url = ambient._GCP_IDENTITY_REQUEST_URL
ambient._GCP_IDENTITY_REQUEST_URL = url.replace("metadata", os.environ["GCE_METADATA_HOST"], 1)
`

// detects runs twine's own exchange, which finds the job's token with id.
func (y *yard) detects(t *testing.T, c ci, project string) {
	program := twineHere
	run := func(over map[string]any) (clienttest.Result, string) {
		env, bin := y.variables(t, c, over)
		more, _ := y.declared(t, c, over)
		if c.kind == "google" {
			program = googleHere + twineHere
			more = append(more, "TEST_PRODUCT_NAME="+tokenFile(t, "Google Compute Engine\n"))
		}
		dir, file := y.wheel(t, project)
		return client(t, "twine", bin, append(env, more...)).Python(t, dir, "-c", program, y.URL+"/legacy/", "",
			filepath.Join("dist", file)), file
	}
	r, file := run(nil)
	if r.OK(t); !y.listed(project, file) {
		t.Errorf("%s was published and is not listed", file)
	}
	r, file = run(c.stranger)
	if r.Refused(t, "invalid-publisher", c.word); y.listed(project, file) {
		t.Errorf("%s of another job is listed", file)
	}
}
