package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/insight"
)

// clinic is the real server over TLS, an issuer that really signs, and the environment of a job.
type clinic struct {
	*testing.T
	app      *app
	server   *httptest.Server
	issuer   *issuertest.Issuer
	env      map[string]string
	audience string
	issuers  string // the setting
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	return newClinicOf(t, "github")
}

// newClinicOf is one whose issuer is of a kind.
func newClinicOf(t *testing.T, kind string) *clinic {
	t.Helper()
	c := &clinic{T: t, issuer: issuertest.New(t, issuertest.Options{Plain: true})}
	c.issuers = "kind=" + kind + ",issuer=" + c.issuer.URL
	var h http.Handler
	c.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(c.server.Close)
	base, _ := url.Parse(c.server.URL)
	all := parsed(t, "serve", "--data-dir", t.TempDir(), "--base-url", base.String(), "--oidc-issuers", c.issuers)
	log := slog.New(slog.DiscardHandler)
	var err error
	if c.app, err = open(t.Context(), &all.Config, log, base); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.app.close() })
	keyring := access.NewKeyring(c.app.db.Access(), access.KeyringOptions{})
	if h, err = c.app.handler(keyring, base, log); err != nil {
		t.Fatal(err)
	}
	c.audience = audience(base)
	c.env = map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": c.issuer.TokenURL(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": issuertest.JobBearer,
	}
	return c
}

// parsed reads a command line.
func parsed(t *testing.T, args ...string) *commands {
	t.Helper()
	all := new(commands)
	k, err := newParser(all, os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(args); err != nil {
		t.Fatalf("index %q: %v", args, err)
	}
	return all
}

// examine runs the doctor in the job; change sees it before.
func (c *clinic) examine(change func(d *publishDoctor)) *publishDoctor {
	c.Helper()
	d := newPublishDoctor(c.Context(), &doctorPublishCmd{RepositoryURL: c.server.URL + "/legacy/"}, c.server.Client().Transport)
	env := func(name string) string { return c.env[name] }
	d.env, d.identity.env, d.identity.projected = env, env, "/no/such/token"
	if change != nil {
		change(d)
	}
	d.identity.file = d.TokenFile
	d.examine()
	var text bytes.Buffer
	d.write(&text)
	if err := writeJSON(&text, d.report()); err != nil {
		c.Error(err)
	}
	if strings.Contains(text.String(), issuertest.JobBearer) || strings.Contains(text.String(), "eyJ") {
		c.Errorf("the doctor shows a token:\n%s", &text)
	}
	return d
}

// status is what a check of the doctor came to, "" where there was none: the worst.
func (f findings) status(check string) (status, text string) {
	order := []string{"", checkSkipped, checkOK, checkWarning, checkFailed}
	for _, x := range f {
		if x.Check == check && slices.Index(order, x.Status) > slices.Index(order, status) {
			status, text = x.Status, x.Text+"\n"+x.Advice
		}
	}
	return status, text
}

func (c *clinic) want(d *publishDoctor, check, status, word string) {
	c.Helper()
	if got, text := d.found.status(check); got != status || !strings.Contains(text, word) {
		c.Errorf("%s: %s %q, want %s with %q; all: %+v", check, got, text, status, word, d.found)
	}
}

// TestDoctorPublish: in a good job nothing fails, nothing is exchanged, and the line that is printed lets the job in.
func TestDoctorPublish(t *testing.T) {
	c := newClinic(t)
	path, err := makeWheel(t.TempDir(), demo, "1.0", "")
	if err != nil {
		t.Fatal(err)
	}
	c.run(0, "upload", path)
	d := c.examine(func(d *publishDoctor) { d.Project = demo })
	if err := d.found.failed(); err != nil {
		t.Fatalf("%v: %+v", err, d.found)
	}
	for _, check := range []string{"connection", "audience", "upload URL", "identity token", "claims", "publisher"} {
		c.want(d, check, checkOK, "")
	}
	if list, err := insight.New(c.app.registry).Exchanges(t.Context(), c.app.operator, "", 10); err != nil || len(list) != 0 {
		t.Errorf("the doctor exchanged without being asked: %+v, %v", list, err)
	}
	refused := c.examine(func(d *publishDoctor) { d.Exchange = true })
	c.want(refused, "exchange", checkFailed, "invalid-publisher")
	c.run(0, words(t, d.line)[1:]...)
	granted := c.examine(func(d *publishDoctor) { d.Exchange = true })
	c.want(granted, "exchange", checkOK, "granted until 20")
	if tokens := c.tokens(); tokens != 0 {
		t.Errorf("%d minted tokens are left that work", tokens)
	}
}

// tokens is how many exchanges left a token that is not ended.
func (c *clinic) tokens() (n int) {
	c.Helper()
	all, err := c.app.db.Audit(c.Context(), 100)
	if err != nil {
		c.Fatal(err)
	}
	for _, e := range all {
		if e.Action == "publisher.exchange" && e.Outcome == "granted" {
			n++
		}
		if e.Action == "token.burn" {
			n--
		}
	}
	return n
}

// run runs a command on the clinic's data and wants a status; it returns what is said on either output.
func (c *clinic) run(status int, args ...string) (out, errs string) {
	c.Helper()
	var o, e bytes.Buffer
	args = append([]string{"--data-dir", c.app.config.DataDir, "--oidc-issuers", c.issuers}, args...)
	if got := run(context.Background(), args, strings.NewReader(""), &o, &e); got != status {
		c.Fatalf("index %q ended with %d, want %d: %s%s", args, got, status, &o, &e)
	}
	return o.String(), e.String()
}

// words takes a line apart as a shell would.
func words(t *testing.T, line string) []string {
	t.Helper()
	var out []string
	var word strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\'':
			quoted = !quoted
		case quoted:
			word.WriteByte(b)
		case b == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		case b == ' ':
			out = append(out, word.String())
			word.Reset()
		case strings.IndexByte("$`\"&|;<>()*?!#~\n", b) >= 0:
			t.Errorf("a shell would act on %q in %q", b, line)
		default:
			word.WriteByte(b)
		}
	}
	return append(out, word.String())
}

// TestDoctorPublishFails: each thing that would stop a job is named, with what to do about it.
func TestDoctorPublishFails(t *testing.T) {
	sign := func(c *clinic, over map[string]any) string {
		path := filepath.Join(c.TempDir(), "token")
		if err := os.WriteFile(path, []byte(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), over))), 0o600); err != nil {
			c.Fatal(err)
		}
		return path
	}
	for _, x := range []struct {
		name   string
		change func(c *clinic, d *publishDoctor)
		check  string
		word   string
	}{
		{"no URL", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "legacy" }, "upload URL", "not an http or https URL"},
		{"ftp", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "ftp://index.example/legacy/" }, "upload URL", "not an http or https URL"},
		{"a password in it", func(c *clinic, d *publishDoctor) {
			d.RepositoryURL = strings.Replace(c.server.URL, "://", "://u:hunter2@", 1) + "/legacy/"
		}, "upload URL", "user name"},
		{"plain http to a server with TLS", func(c *clinic, d *publishDoctor) {
			d.RepositoryURL = strings.Replace(c.server.URL, "https:", "http:", 1) + "/legacy/"
		}, "upload URL", "plain http"},
		{"the page for installing", func(c *clinic, d *publishDoctor) { d.RepositoryURL = c.server.URL + "/simple/" }, "upload URL", "asks for a password"},
		{"a page", func(c *clinic, d *publishDoctor) { d.RepositoryURL = c.server.URL + "/healthz" }, "upload URL", "URL for installing"},
		{"nothing there", func(c *clinic, d *publishDoctor) { d.RepositoryURL = c.server.URL + "/upload/" }, "upload URL", "nothing at"},
		{"unknown authority", func(_ *clinic, d *publishDoctor) { d.client.Transport = &http.Transport{} }, "connection", "SSL_CERT_FILE       for uv"},
		{"nobody there", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "https://127.0.0.1:1/legacy/" }, "connection", "cannot be reached"},
		{"no such name", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "https://index.invalid/legacy/" }, "connection", ""},
		{"another name", func(c *clinic, d *publishDoctor) {
			d.RepositoryURL = strings.Replace(c.server.URL, "127.0.0.1", "localhost", 1) + "/legacy/"
		}, "connection", "is not for localhost"},
		{"no permission", func(c *clinic, _ *publishDoctor) { delete(c.env, "ACTIONS_ID_TOKEN_REQUEST_URL") }, "identity token", "id-token: write"},
		{"a wrong bearer", func(c *clinic, _ *publishDoctor) { c.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "other" }, "identity token", "status 401"},
		{"the service of tokens is gone", func(c *clinic, _ *publishDoctor) { c.issuer.Close() }, "identity token", ""},
		{"GitLab without its variable", func(c *clinic, _ *publishDoctor) { c.env = map[string]string{"GITLAB_CI": "true"} }, "identity token", "id_tokens"},
		{"an unknown CI", func(c *clinic, _ *publishDoctor) { c.env = map[string]string{"CI": "1"} }, "identity token", "--token-file"},
		{"no token file", func(_ *clinic, d *publishDoctor) { d.TokenFile = "/no/such/file" }, "identity token", "token file"},
		{"a file that is no token", func(_ *clinic, d *publishDoctor) { d.TokenFile = "doctor_test.go" }, "identity token", "no JWT"},
		{"a token for another", func(c *clinic, d *publishDoctor) { d.TokenFile = sign(c, map[string]any{"aud": "pypi"}) }, "claims", `is for "pypi"`},
		{"a token for two", func(c *clinic, d *publishDoctor) {
			d.TokenFile = sign(c, map[string]any{"aud": []string{c.audience, "pypi"}})
		}, "claims", "a list"},
		{"an old token", func(c *clinic, d *publishDoctor) { d.TokenFile = sign(c, map[string]any{"exp": 1700000000}) }, "claims", "expired at 2023"},
		{"strangers can start it", func(c *clinic, _ *publishDoctor) {
			c.issuer.SetJob(map[string]any{"event_name": "pull_request_target"})
		}, "publisher", "strangers"},
		{"an unknown workload", func(c *clinic, _ *publishDoctor) {
			c.issuer.SetJob(map[string]any{"job_workflow_ref": issuertest.Absent, "repository": issuertest.Absent, "sub": issuertest.Absent})
		}, "publisher", ""},
		{"an unknown kind", func(_ *clinic, d *publishDoctor) { d.Kind = "carrier-pigeon" }, "publisher", "not a kind"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinic(t)
			d := c.examine(func(d *publishDoctor) { x.change(c, d) })
			c.want(d, x.check, checkFailed, x.word)
			if d.found.failed() == nil {
				t.Error("the doctor is content")
			}
			if strings.Contains(fmt.Sprint(d.report()), "hunter2") {
				t.Error("the doctor shows a password")
			}
		})
	}
}

// TestDoctorElsewhere: away from a job there is no token, and nothing wrong with that.
func TestDoctorElsewhere(t *testing.T) {
	c := newClinic(t)
	c.env = nil
	d := c.examine(nil)
	c.want(d, "identity token", checkSkipped, "no CI was recognised")
	if err := d.found.failed(); err != nil || d.line != "" {
		t.Errorf("failed = %v, line %q; want neither", err, d.line)
	}
}

// TestDoctorOfOtherServers: what answers may be no index, or something in front of one.
func TestDoctorOfOtherServers(t *testing.T) {
	say := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	good := say(200, `{"audience":"other.example"}`)
	for _, x := range []struct {
		name             string
		audience, upload http.HandlerFunc
		check, word      string
	}{
		{"not enabled", say(403, `{}`), say(405, ""), "audience", "not enabled"},
		{"the root is another's", say(404, ""), say(405, ""), "audience", "at the root of the host"},
		{"no audience", say(200, `{"audience":""}`), say(405, ""), "audience", "no audience"},
		{"not JSON", say(200, "<html>"), say(405, ""), "audience", "no audience"},
		{"the audience of another index", good, say(405, ""), "audience", "not its own name"},
		{"an audience of another type", say(200, `{"audience":["a"]}`), say(405, ""), "audience", "no audience"},
		{"endless", say(200, `{"audience":"`+strings.Repeat("x", 1<<20)), say(405, ""), "audience", "no audience"},
		{"a sign-in page", say(302, "", "Location", "https://login.example/?next=x"), say(405, ""), "audience", "redirects (status 302) to https://login.example"},
		{"a redirect without place", say(302, ""), say(405, ""), "audience", "to nowhere"},
		{"uploads are redirected", good, say(308, "", "Location", "/legacy2/"), "upload URL", "/legacy2/"},
		{"uploads to plain http", good, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/legacy/", http.StatusMovedPermanently)
		}, "upload URL", "http://"},
		{"a password in front", good, say(401, ""), "upload URL", "asks for a password"},
		{"broken", good, say(502, ""), "upload URL", "status 502"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinic(t)
			m := http.NewServeMux()
			m.HandleFunc("/_/oidc/audience", x.audience)
			m.HandleFunc("/legacy/", x.upload)
			other := httptest.NewTLSServer(m)
			defer other.Close()
			d := c.examine(func(d *publishDoctor) {
				d.RepositoryURL, d.client.Transport = other.URL+"/legacy/", other.Client().Transport
			})
			c.want(d, x.check, checkFailed, x.word)
		})
	}
}

// TestDoctorPlainServer: a server without TLS is told from one that is not there.
func TestDoctorPlainServer(t *testing.T) {
	c := newClinic(t)
	plain := httptest.NewServer(c.server.Config.Handler)
	defer plain.Close()
	d := c.examine(func(d *publishDoctor) {
		d.RepositoryURL = strings.Replace(plain.URL, "http:", "https:", 1) + "/legacy/"
	})
	c.want(d, "connection", checkFailed, "does not speak TLS")
	d = c.examine(func(d *publishDoctor) { d.RepositoryURL, d.Audience = plain.URL+"/legacy/", c.audience })
	c.want(d, "upload URL", checkFailed, "plain http")
	c.want(d, "audience", checkOK, "")
}

// TestDoctorCertificate: one that ends soon, or has ended, or that other clients will not trust.
func TestDoctorCertificate(t *testing.T) {
	c := newClinic(t)
	cert := c.server.Certificate()
	d := c.examine(func(d *publishDoctor) { d.now = func() time.Time { return cert.NotAfter.Add(-13 * 24 * time.Hour) } })
	c.want(d, "certificate", checkWarning, "ends in 13 days")
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	d = c.examine(func(d *publishDoctor) {
		d.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Time: func() time.Time { return cert.NotAfter.Add(time.Hour) }}}
	})
	c.want(d, "connection", checkFailed, "and not now")
	for set, missing := range map[string]string{"SSL_CERT_FILE": "REQUESTS_CA_BUNDLE", "REQUESTS_CA_BUNDLE": "SSL_CERT_FILE"} {
		c.env[set] = "/etc/a b.pem"
		d = c.examine(nil)
		c.want(d, "certificate", checkWarning, "Set "+missing+"='/etc/a b.pem'")
		delete(c.env, set)
	}
}

// TestDoctorIsNoTerminalTrick: what others say reaches a terminal harmless, and a shell as one word.
func TestDoctorIsNoTerminalTrick(t *testing.T) {
	c := newClinic(t)
	c.issuer.SetJob(map[string]any{"actor": "\x1b[2J\u202eevil", "\x1b]0;x": "y", "job_workflow_ref": "acme/widgets/.github/workflows/-$(touch x)'.yml@refs/tags/v1.0"})
	d := c.examine(func(d *publishDoctor) { d.Project = "demo" })
	var text bytes.Buffer
	d.write(&text)
	if strings.ContainsAny(text.String(), "\x1b\u202e") {
		t.Errorf("the text holds control characters: %q", &text)
	}
	line := words(t, d.line)
	if !slices.Contains(line, "--workflow=-$(touch x)'.yml") {
		t.Errorf("the line %q holds the words %q", d.line, line)
	}
	parsed(t, line[1:]...)
}

// TestDoctorJSON is what scripts read.
func TestDoctorJSON(t *testing.T) {
	c := newClinic(t)
	delete(c.env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	var b bytes.Buffer
	var got struct {
		OK     bool
		Checks []struct{ Check, Status, Text, Advice string }
	}
	if err := writeJSON(&b, c.examine(nil).report()); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.OK || len(got.Checks) != 4 || got.Checks[3].Status != checkFailed {
		t.Errorf("report %s (%v), want four checks of which the last failed", &b, err)
	}
}

// TestExplainLine: the line that explain prints lets in whom it is about, and only refusals for want of a publisher get one.
func TestExplainLine(t *testing.T) {
	c := newClinic(t)
	path, err := makeWheel(t.TempDir(), demo, "1.0", "")
	if err != nil {
		t.Fatal(err)
	}
	c.run(0, "upload", path)
	c.run(0, "publisher", "add", "github", "--issuer", c.issuer.URL, "--project", demo, "--owner", "acme", "--repository", "widgets", "--workflow", "other.yml", "--environment", "quiet-harbour", "--owner-id", "1")
	send := func(token string) {
		c.app.minter.Exchange(t.Context(), access.Guest(false), access.Secret(token), exchange.Want{Scope: access.ScopeUpload})
	}
	send("rubbish")
	send(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), map[string]any{"repository": "elsewhere/thing"})))
	send(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), nil)))
	out, _ := c.run(0, "publisher", "explain", "--project", demo)
	for _, want := range []string{"invalid-publisher", "CLAIM", `repository_owner_id  "1"`, `"quiet-harbour"`, `"release"`, "job_workflow_ref", "To let this workload publish:"} {
		if !strings.Contains(out, want) {
			t.Errorf("explain does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "elsewhere") {
		t.Errorf("explain of a project shows what came near none:\n%s", out)
	}
	if all, _ := c.run(0, "publisher", "explain"); !strings.Contains(all, "(no project)") || strings.Count(all, "publisher add") != 1 {
		t.Errorf("explain says:\n%s", all)
	}
	var list []explained
	text, _ := c.run(0, "publisher", "explain", "--json", "--last", "1")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 || list[0].Claims["repository"] != "acme/widgets" || len(list[0].Nearest[0].Differences) != 3 {
		t.Fatalf("explain --json (%v): %s", err, text)
	}
	c.run(0, words(t, list[0].PublisherAdd)[1:]...)
	c.issuer.SetJob(nil)
	send(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), nil)))
	if out, _ := c.run(0, "publisher", "explain", "--last", "1"); !strings.Contains(out, "granted  to upload "+demo) {
		t.Errorf("explain after the line was run: %s", out)
	}
	for _, bad := range [][]string{{"--last", "0"}, {"--last", "1001"}, {"--project", "no-such"}, {"--project", "-"}} {
		c.run(statusRefused, append([]string{"publisher", "explain"}, bad...)...)
	}
}

// TestAddLines: whatever kind of issuer signed and whatever strangers chose, the line that is printed lets the job in.
func TestAddLines(t *testing.T) {
	absent := issuertest.Absent
	for _, x := range []struct {
		name, kind string
		over       map[string]any
	}{
		{"github", "github", nil},
		{"github without environment", "github", map[string]any{"environment": absent}},
		{"github with an odd environment", "github", map[string]any{"environment": "a b&c|d$(e)<f>é"}},
		{"github with a reusable workflow", "github", map[string]any{"job_workflow_ref": "other/shared/.github/workflows/publish.yml@refs/heads/main"}},
		{"gitlab", "gitlab", map[string]any{
			"sub": "project_path:acme/sub/widgets:ref_type:tag:ref:v1", "project_path": "acme/sub/widgets", "namespace_id": "7", "project_id": "8",
			"ci_config_ref_uri": "HOST/acme/sub/widgets//ci/it's.yml@refs/tags/v1", "ref_path": "refs/tags/v1", "environment": "Prod 1/${x}",
			"namespace_path": "acme/sub", "ref_type": "tag", "ref": "v1", "pipeline_source": "push",
		}},
		{"google", "google", map[string]any{"email": "job@acme.iam.gserviceaccount.com", "email_verified": true, "sub": "1234567890"}},
		{"activestate", "activestate", map[string]any{
			"sub": "org:acme:project:widgets", "organization": "acme", "project": "widgets", "actor_id": "00000000-0000-4000-8000-000000000001", "builder": "pypi-publisher",
		}},
		{"kubernetes", "generic", map[string]any{"sub": "system:serviceaccount:ci:publisher", "repository": absent}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinicOf(t, x.kind)
			if uri, ok := x.over["ci_config_ref_uri"].(string); ok {
				x.over["ci_config_ref_uri"] = strings.Replace(uri, "HOST", strings.TrimPrefix(c.issuer.URL, "http://"), 1)
			}
			c.issuer.SetJob(x.over)
			d := c.examine(func(d *publishDoctor) { d.Project, d.Kind = "new-thing", x.kind })
			if err := d.found.failed(); err != nil || d.line == "" {
				t.Fatalf("%v: %+v", err, d.found)
			}
			c.want(c.examine(func(d *publishDoctor) { d.Exchange = true }), "exchange", checkFailed, "refused with status 422")
			c.run(0, append(words(t, d.line)[1:], "--pending")...)
			c.want(c.examine(func(d *publishDoctor) { d.Exchange = true }), "exchange", checkOK, "granted")
		})
	}
}
