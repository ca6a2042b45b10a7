package cijob

import (
	"bytes"
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
	"pyindex/internal/app"
	"pyindex/internal/cli/clitest"
	"pyindex/internal/legacyupload"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/publishers/mintapi"
	"pyindex/internal/resolve"
	"pyindex/internal/server"
	"pyindex/internal/simpleapi"
	"pyindex/internal/terminal"
)

// demo is a project.
const demo = "demo-pkg"

// clinic is the real server over TLS, an issuer that really signs, and the environment of a job.
type clinic struct {
	*testing.T
	app      *app.App
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
	settings := clitest.Config(t, "--data-dir", t.TempDir(), "--base-url", base.String(), "--oidc-issuers", c.issuers)
	log := slog.New(slog.DiscardHandler)
	var err error
	if c.app, err = app.Open(t.Context(), settings, log, base); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.app.Close() })
	keyring := access.NewKeyring(c.app.DB.Access(), access.KeyringOptions{})
	if h, err = server.New(server.Options{Keyring: keyring, Log: log, Name: "index"},
		simpleapi.New(resolve.New(c.app.Index.Index, resolve.Options{}), simpleapi.Options{BaseURL: base.String()}).Table(),
		legacyupload.New(c.app.Index.Intake, legacyupload.Options{}).Table(),
		mintapi.New(c.app.Minter, settings.Audience(base), mintapi.Options{BaseURL: base}).Table(),
		server.NewHealth().Table(),
	); err != nil {
		t.Fatal(err)
	}
	c.audience = settings.Audience(base)
	c.env = map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": c.issuer.TokenURL(),
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": issuertest.JobBearer,
	}
	return c
}

// examine runs the doctor in the job; change sees it before.
func (c *clinic) examine(change func(d *publishDoctor)) *publishDoctor {
	c.Helper()
	d := newPublishDoctor(c.Context(), &Doctor{RepositoryURL: c.server.URL + "/legacy/"}, c.server.Client().Transport)
	env := func(name string) string { return c.env[name] }
	d.env, d.identity.env, d.identity.projected, d.identity.machine = env, env, "/no/such/token", "/no/such/machine"
	if change != nil {
		change(d)
	}
	d.identity.file = d.TokenFile
	d.examine()
	var text bytes.Buffer
	d.write(&text)
	if err := terminal.WriteJSON(&text, d.report()); err != nil {
		c.Error(err)
	}
	if strings.Contains(text.String(), issuertest.JobBearer) || strings.Contains(text.String(), "eyJ") {
		c.Errorf("the doctor shows a token:\n%s", &text)
	}
	return d
}

// worst returns the worst outcome of a check, "" for none.
func worst(f terminal.Findings, check string) (status, text string) {
	order := []string{"", "skipped", "ok", "warning", "failed"}
	for _, x := range f {
		if x.Check == check && slices.Index(order, x.Status) > slices.Index(order, status) {
			status, text = x.Status, x.Text+"\n"+x.Advice
		}
	}
	return status, text
}

func (c *clinic) want(d *publishDoctor, check, status, word string) {
	c.Helper()
	if got, text := worst(d.found, check); got != status || !strings.Contains(text, word) {
		c.Errorf("%s: %s %q, want %s with %q; all: %+v", check, got, text, status, word, d.found)
	}
}

// TestDoctorPublish: in a good job nothing fails, nothing is exchanged, and the line that is printed lets the job in.
func TestDoctorPublish(t *testing.T) {
	c := newClinic(t)
	c.run(0, "upload", clitest.Wheel(t, demo))
	d := c.examine(func(d *publishDoctor) { d.Project = demo })
	if err := d.found.Failed(); err != nil {
		t.Fatalf("%v: %+v", err, d.found)
	}
	for _, check := range []string{"connection", "audience", "upload URL", "identity token", "claims"} {
		c.want(d, check, "ok", "")
	}
	c.want(d, "publisher", "skipped", "add --exchange to try")
	if list, err := insight.New(c.app.Registry).Exchanges(t.Context(), c.app.Operator, "", 10); err != nil ||
		len(list) != 0 {
		t.Errorf("the doctor exchanged without being asked: %+v, %v", list, err)
	}
	refused := c.examine(func(d *publishDoctor) { d.Exchange = true })
	c.want(refused, "exchange", "failed", "invalid-publisher")
	c.run(0, words(t, d.line)[1:]...)
	granted := c.examine(func(d *publishDoctor) { d.Exchange = true })
	c.want(granted, "exchange", "ok", "granted until 20")
	c.want(granted, "exchange", "ok", "this does not show for which projects")
	if status, _ := worst(granted.found, "publisher"); status != "" || granted.line != "" {
		t.Errorf("a job that is accepted is told %s publisher and to run %q", status, granted.line)
	}
	if tokens := c.tokens(); tokens != 0 {
		t.Errorf("%d minted tokens are left that work", tokens)
	}
}

// TestDoctorOfUsedToken: a token that was exchanged before needs a new job, not another publisher.
func TestDoctorOfUsedToken(t *testing.T) {
	c := newClinic(t)
	c.run(0, "upload", clitest.Wheel(t, demo))
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), nil))), 0o600); err != nil {
		t.Fatal(err)
	}
	once := func(d *publishDoctor) { d.Project, d.TokenFile = demo, file }
	c.run(0, words(t, c.examine(once).line)[1:]...)
	twice := func(d *publishDoctor) { once(d); d.Exchange = true }
	c.want(c.examine(twice), "exchange", "ok", "granted")
	used := c.examine(twice)
	c.want(used, "exchange", "failed", "\nStart the job again: a job's token counts once.")
	if _, text := worst(used.found, "exchange"); strings.Contains(text, "explain") {
		t.Errorf("a used token is sent to explain: %s", text)
	}
}

// TestDoctorOfOtherAudience: no publisher accepts a token for another index, so none is offered.
func TestDoctorOfOtherAudience(t *testing.T) {
	c := newClinic(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(c.issuer.Sign(c.issuer.Claims("pypi", time.Now(), nil))), 0o600); err != nil {
		t.Fatal(err)
	}
	d := c.examine(func(d *publishDoctor) { d.TokenFile = file })
	c.want(d, "claims", "failed", `of the token is "pypi"`)
	if d.line != "" {
		t.Errorf("the doctor offers %q for a token of another audience", d.line)
	}
	var text bytes.Buffer
	d = c.examine(nil)
	d.write(&text)
	if want := "\nIf no publisher accepts this job yet, this one would (run it on the machine of the index):\n  index publisher"; !strings.Contains(text.String(), want) {
		t.Errorf("the doctor does not say %q:\n%s", want, &text)
	}
}

// tokens is how many exchanges left a token that is not ended.
func (c *clinic) tokens() (n int) {
	c.Helper()
	all, err := c.app.DB.Audit(c.Context(), 100)
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
	return clitest.Run(c, status,
		append([]string{"--data-dir", c.app.Config.DataDir, "--oidc-issuers", c.issuers}, args...)...)
}

// TestDoctorPublishFails: each thing that would stop a job is named, with what to do about it.
func TestDoctorPublishFails(t *testing.T) {
	sign := func(c *clinic, over map[string]any) string {
		path := filepath.Join(c.TempDir(), "token")
		if err := os.WriteFile(path, []byte(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), over))),
			0o600); err != nil {
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
		{
			"no URL", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "legacy" }, "upload URL", "not an http or https URL",
		},
		{
			"ftp", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "ftp://index.example/legacy/" }, "upload URL",
			"not an http or https URL",
		},
		{"a password in it", func(c *clinic, d *publishDoctor) {
			d.RepositoryURL = strings.Replace(c.server.URL, "://", "://u:hunter2@", 1) + "/legacy/"
		}, "upload URL", "user name"},
		{"plain http to a server with TLS", func(c *clinic, d *publishDoctor) {
			d.RepositoryURL = strings.Replace(c.server.URL, "https:", "http:", 1) + "/legacy/"
		}, "upload URL", "plain http"},
		{
			"the page for installing", func(c *clinic, d *publishDoctor) { d.RepositoryURL = c.server.URL + "/simple/" },
			"upload URL", "requires its own password",
		},
		{
			"a page", func(c *clinic, d *publishDoctor) { d.RepositoryURL = c.server.URL + "/healthz" }, "upload URL",
			"URL for installing",
		},
		{
			"nothing there", func(c *clinic, d *publishDoctor) { d.RepositoryURL = c.server.URL + "/upload/" }, "upload URL",
			"nothing at",
		},
		{
			"unknown authority", func(_ *clinic, d *publishDoctor) { d.client.Transport = &http.Transport{} }, "connection",
			"SSL_CERT_FILE       for uv",
		},
		{
			"nobody there", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "https://127.0.0.1:1/legacy/" }, "connection",
			"cannot be reached",
		},
		{
			"no such name", func(_ *clinic, d *publishDoctor) { d.RepositoryURL = "https://index.invalid/legacy/" },
			"connection", "",
		},
		{"another name", func(c *clinic, d *publishDoctor) {
			d.RepositoryURL = strings.Replace(c.server.URL, "127.0.0.1", "localhost", 1) + "/legacy/"
		}, "connection", "is not valid for localhost"},
		{
			"no permission", func(c *clinic, _ *publishDoctor) { delete(c.env, "ACTIONS_ID_TOKEN_REQUEST_URL") },
			"identity token", "id-token: write",
		},
		{
			"a wrong bearer", func(c *clinic, _ *publishDoctor) { c.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "other" },
			"identity token", "status 401",
		},
		{"the service of tokens is gone", func(c *clinic, _ *publishDoctor) { c.issuer.Close() }, "identity token", ""},
		{
			"GitLab without its variable", func(c *clinic, _ *publishDoctor) { c.env = map[string]string{"GITLAB_CI": "true"} },
			"identity token", "id_tokens",
		},
		{
			"an unknown CI", func(c *clinic, _ *publishDoctor) { c.env = map[string]string{"CI": "1"} }, "identity token",
			"--token-file",
		},
		{
			"no token file", func(_ *clinic, d *publishDoctor) { d.TokenFile = "/no/such/file" }, "identity token", "token file",
		},
		{
			"a file that is no token", func(_ *clinic, d *publishDoctor) { d.TokenFile = "doctor_test.go" }, "identity token",
			"not a JWT",
		},
		{
			"a token for another", func(c *clinic, d *publishDoctor) { d.TokenFile = sign(c, map[string]any{"aud": "pypi"}) },
			"claims", `of the token is "pypi"`,
		},
		{"a token for two", func(c *clinic, d *publishDoctor) {
			d.TokenFile = sign(c, map[string]any{"aud": []string{c.audience, "pypi"}})
		}, "claims", "a list"},
		{
			"an old token", func(c *clinic, d *publishDoctor) { d.TokenFile = sign(c, map[string]any{"exp": 1700000000}) },
			"claims", "expired at 2023",
		},
		{"strangers can start it", func(c *clinic, _ *publishDoctor) {
			c.issuer.SetJob(map[string]any{"event_name": "pull_request_target"})
		}, "publisher", "strangers"},
		{"an unknown workload", func(c *clinic, _ *publishDoctor) {
			c.issuer.SetJob(map[string]any{
				"job_workflow_ref": issuertest.Absent, "repository": issuertest.Absent, "sub": issuertest.Absent,
			})
		}, "publisher", ""},
		{"an unknown kind", func(_ *clinic, d *publishDoctor) { d.Kind = "carrier-pigeon" }, "publisher", "not a kind"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinic(t)
			d := c.examine(func(d *publishDoctor) { x.change(c, d) })
			c.want(d, x.check, "failed", x.word)
			if d.found.Failed() == nil {
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
	c.want(d, "identity token", "skipped", "no CI system was recognized")
	if err := d.found.Failed(); err != nil || d.line != "" {
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
		{"the root is another's", say(404, ""), say(405, ""), "audience", "use the root of the host"},
		{"no audience", say(200, `{"audience":""}`), say(405, ""), "audience", "no audience"},
		{"not JSON", say(200, "<html>"), say(405, ""), "audience", "no audience"},
		{"the audience of another index", good, say(405, ""), "audience", "not its own host"},
		{"an audience of another type", say(200, `{"audience":["a"]}`), say(405, ""), "audience", "no audience"},
		{"endless", say(200, `{"audience":"`+strings.Repeat("x", 1<<20)), say(405, ""), "audience", "no audience"},
		{
			"a sign-in page", say(302, "", "Location", "https://login.example/?next=x"), say(405, ""), "audience",
			"redirects (status 302) to https://login.example",
		},
		{"a redirect without place", say(302, ""), say(405, ""), "audience", "without a location"},
		{"uploads are redirected", good, say(308, "", "Location", "/legacy2/"), "upload URL", "/legacy2/"},
		{"uploads to plain http", good, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/legacy/", http.StatusMovedPermanently)
		}, "upload URL", "http://"},
		{"a password in front", good, say(401, ""), "upload URL", "requires its own password"},
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
			c.want(d, x.check, "failed", x.word)
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
	c.want(d, "connection", "failed", "does not use TLS")
	d = c.examine(func(d *publishDoctor) { d.RepositoryURL, d.Audience = plain.URL+"/legacy/", c.audience })
	c.want(d, "upload URL", "failed", "plain http")
	c.want(d, "audience", "ok", "")
}

// TestDoctorCertificate: one that ends soon, or has ended, or that other clients will not trust.
func TestDoctorCertificate(t *testing.T) {
	c := newClinic(t)
	cert := c.server.Certificate()
	d := c.examine(func(d *publishDoctor) { d.now = func() time.Time { return cert.NotAfter.Add(-13 * 24 * time.Hour) } })
	c.want(d, "certificate", "warning", "expires in 13 days")
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	d = c.examine(func(d *publishDoctor) {
		d.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: pool, Time: func() time.Time { return cert.NotAfter.Add(time.Hour) },
		}}
	})
	c.want(d, "connection", "failed", "is only valid from")
	for set, missing := range map[string]string{
		"SSL_CERT_FILE": "REQUESTS_CA_BUNDLE", "REQUESTS_CA_BUNDLE": "SSL_CERT_FILE",
	} {
		c.env[set] = "/etc/a b.pem"
		d = c.examine(nil)
		c.want(d, "certificate", "warning", "set "+missing+"='/etc/a b.pem'")
		delete(c.env, set)
	}
}

// TestDoctorIsNoTerminalTrick: what others say reaches a terminal harmless, and a shell as one word.
func TestDoctorIsNoTerminalTrick(t *testing.T) {
	c := newClinic(t)
	c.issuer.SetJob(map[string]any{
		"actor": "\x1b[2J\u202eevil", "\x1b]0;x": "y",
		"job_workflow_ref": "acme/widgets/.github/workflows/-$(touch x)'.yml@refs/tags/v1.0",
	})
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
	clitest.Parse(t, line[1:]...)
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
	if err := terminal.WriteJSON(&b, c.examine(nil).report()); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.OK || len(got.Checks) != 4 ||
		got.Checks[3].Status != "failed" {
		t.Errorf("report %s (%v), want four checks of which the last failed", &b, err)
	}
}
