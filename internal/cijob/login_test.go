package cijob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pyindex/internal/access"
)

// outside is a job that no platform runs: tests add to it.
func outside(t *testing.T, env map[string]string) *jobIdentity {
	return &jobIdentity{
		env: func(name string) string { return env[name] }, http: newLoginHTTP(),
		projected: filepath.Join(t.TempDir(), "token"),
		installed: func(string) bool { return false },
		run:       func(context.Context, string, ...string) ([]byte, error) { return nil, errors.New("not to be run") },
	}
}

// TestIdentityByProgram: what is asked of the programs of two platforms, and what comes of it.
func TestIdentityByProgram(t *testing.T) {
	for _, c := range []struct {
		platform, program string
		args              []string
	}{
		{"BUILDKITE", "buildkite-agent", []string{
			"oidc", "request-token", "--audience", "pypi.acme.example", "--claim",
			"organization_id,pipeline_id",
		}},
		{"CIRCLECI", "circleci", []string{"run", "oidc", "get", "--root-issuer", "--claims", `{"aud":"pypi.acme.example"}`}},
	} {
		j := outside(t, map[string]string{c.platform: "true"})
		j.installed = func(program string) bool { return program == c.program }
		j.run = func(_ context.Context, program string, args ...string) ([]byte, error) {
			if program != c.program || !slices.Equal(args, c.args) {
				t.Errorf("%s: runs %s %q", c.platform, program, args)
			}
			return []byte("a.b.c\n"), nil
		}
		if got, err := j.token(t.Context(), "pypi.acme.example"); err != nil || got.Reveal() != "a.b.c" {
			t.Errorf("%s: token = %q, %v", c.platform, got.Reveal(), err)
		}
		j.run = func(context.Context, string, ...string) ([]byte, error) { return nil, errors.New("exit status 1") }
		if got, err := j.token(t.Context(), "pypi.acme.example"); err == nil {
			t.Errorf("%s: token of a program that fails = %q", c.platform, got.Reveal())
		}
	}
}

// TestIdentityOrder: what somebody said expressly comes before what the platform has, and a pod's file last.
func TestIdentityOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "named")
	env := map[string]string{"INDEX_ID_TOKEN": "by.variable.x", "CIRCLECI": "true", "CIRCLE_OIDC_TOKEN_V2": "by.circle.x"}
	j := outside(t, env)
	for path, text := range map[string]string{file: "by.flag.x", j.projected: " by.pod.x\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j.file = file
	for _, want := range []string{"by.flag.x", "by.variable.x", "by.circle.x", "by.pod.x"} {
		if got, err := j.token(t.Context(), "a"); err != nil || got.Reveal() != want {
			t.Errorf("token = %q, %v, want %q", got.Reveal(), err, want)
		}
		switch want {
		case "by.flag.x":
			j.file = ""
		case "by.variable.x":
			env["INDEX_ID_TOKEN"] = ""
		case "by.circle.x":
			env["CIRCLECI"] = ""
		}
	}
}

// TestIdentityRefuses: no platform's answer is taken for a token that does not look like one.
func TestIdentityRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "blank": " \n", "a word": "hello", "two dots with a line break": "a.b\n.c", "quoted": `"a.b.c"`,
		"an HTML page": "<p>a.b.c</p> <p>",
	} {
		t.Run(name, func(t *testing.T) {
			j := outside(t, nil)
			if err := os.WriteFile(j.projected, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := j.token(t.Context(), "a"); err == nil {
				t.Errorf("%s: token = %q", name, got.Reveal())
			}
		})
	}
}

// TestLoginRefusesAnswers: what an index, or something that pretends to be one, may answer without login taking it.
func TestLoginRefusesAnswers(t *testing.T) {
	good := access.NewToken().Reveal()
	for _, c := range []struct {
		name           string
		audience, mint string // bodies; "302" and "404" are statuses
		word           string
	}{
		{"no index", "404", "", "status 404"},
		{"a page", "<html>", "", "status 200"},
		{"an audience of somebody else's", `{"audience":"pypi"}`, "", "not its own host"},
		{"the audience of another index", `{"audience":"pypi.acme.example"}`, "", "add --audience pypi.acme.example"},
		{"the same host without its port", `{"audience":"127.0.0.1"}`, "", "not its own host"},
		{"the same host with more", `{"audience":"HERE.evil.example"}`, "", "not its own host"},
		{"an audience that is an option", `{"audience":"--help"}`, "", "not a valid audience"},
		{"an audience with a line break", `{"audience":"a\nb"}`, "", "not a valid audience"},
		{"audience elsewhere", "302", "", "status 302"},
		{"mint elsewhere", `{"audience":"here"}`, "302", "status 302"},
		{"no token", `{"audience":"here"}`, `{"success":true}`, "did not return a token of an index"},
		{
			"a token of another kind", `{"audience":"here"}`, `{"token":"pypi-AgEIcHlwaS5vcmc"}`,
			"did not return a token of an index",
		},
		{
			"a token with a line break", `{"audience":"here"}`, `{"token":"` + good + `\nmachine x"}`,
			"did not return a token of an index",
		},
		{
			"a refusal with control characters", `{"audience":"here"}`,
			`{"errors":[{"code":"x","description":"\u001b[2Jgone"}]}`, "[2Jgone",
		},
		{"a refusal beside a token", `{"audience":"here"}`, `{"token":"` + good + `","errors":[{"code":"odd"}]}`, "odd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			minted := 0
			answer := func(w http.ResponseWriter, r *http.Request, body string) {
				switch body {
				case "302":
					http.Redirect(w, r, "/elsewhere", http.StatusFound)
				case "404":
					http.NotFound(w, r)
				default:
					fmt.Fprint(w, body)
				}
			}
			mux := http.NewServeMux()
			mux.HandleFunc("GET /_/oidc/audience", func(w http.ResponseWriter, r *http.Request) {
				answer(w, r, strings.NewReplacer(`"here"`, strconv.Quote(r.Host), "HERE", r.Host).Replace(c.audience))
			})
			mux.HandleFunc("POST /_/oidc/mint-token",
				func(w http.ResponseWriter, r *http.Request) { minted++; answer(w, r, c.mint) })
			mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("login followed a redirect") })
			web := httptest.NewServer(mux)
			defer web.Close()
			site, err := url.Parse(web.URL)
			if err != nil {
				t.Fatal(err)
			}
			l := &login{site: site, scope: "read"}
			err = l.exchange(t.Context(), newIndexClient(site), outside(t, map[string]string{"INDEX_ID_TOKEN": "a.b.c"}), "")
			if err == nil || !strings.Contains(err.Error(), c.word) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("exchange = %v, want an error with %q", err, c.word)
			}
			if c.mint == "" && minted > 0 {
				t.Error("an identity token was sent to what names no good audience")
			}
		})
	}
}

// TestGitHubService: the job's bearer goes to the runner's service alone, and its answer is looked at.
func TestGitHubService(t *testing.T) {
	status, body := 200, `{"value":"a.b.c"}`
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("audience") != "a&b" || r.URL.Query().Get("api-version") != "2.0" ||
			r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the service was asked %s as %q", r.URL, r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer web.Close()
	j := outside(t, map[string]string{
		"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": web.URL + "/token?api-version=2.0",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
	})
	if got, err := j.token(t.Context(), "a&b"); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("token = %q, %v", got.Reveal(), err)
	}
	for _, c := range []struct {
		status int
		body   string
	}{{200, `{}`}, {200, `x`}, {302, `{"value":"a.b.c"}`}, {401, `{"value":"a.b.c"}`}, {500, ``}} {
		status, body = c.status, c.body
		if got, err := j.token(t.Context(), "a&b"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("token after %d %s = %q, %v", c.status, c.body, got.Reveal(), err)
		}
	}
}

// TestLoginSite: whichever address of an index is given, it is the same repository.
func TestLoginSite(t *testing.T) {
	for in, want := range map[string]string{
		"https://h.example": "https://h.example", "https://h.example/": "https://h.example",
		"https://h.example:8443/team/simple/": "https://h.example:8443/team",
		"https://h.example/r/tools/legacy/":   "https://h.example/r/tools", "http://127.0.0.1:8080": "http://127.0.0.1:8080",
	} {
		c := &Login{URL: in}
		if got, err := c.site(); err != nil || got.String() != want {
			t.Errorf("site(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
}

// TestLoginTexts are the forms that tools read.
func TestLoginTexts(t *testing.T) {
	site, _ := url.Parse("https://h.example:8443/r/tools")
	read := &login{site: site, scope: "read", token: "pypi-idx_T"}
	upload := &login{site: site, scope: "upload", token: "pypi-idx_T"}
	const full = "https://__token__:pypi-idx_T@h.example:8443/r/tools/simple/"
	for _, c := range []struct {
		l            *login
		format, want string
	}{
		{read, "url", full + "\n"},
		{read, "env", "export PIP_INDEX_URL='" + full + "'\nexport UV_DEFAULT_INDEX='" + full + "'\n"},
		{read, "pip", writtenByLogin + "[global]\nindex-url = " + full + "\n"},
		{read, "uv", writtenByLogin + "[[index]]\nurl = \"" + full + "\"\ndefault = true\n"},
		{read, "netrc", "machine h.example login __token__ password pypi-idx_T\n"},
		{upload, "url", "https://__token__:pypi-idx_T@h.example:8443/r/tools/legacy/\n"},
	} {
		if got := c.l.text(c.format); got != c.want {
			t.Errorf("text(%s, %s) = %q, want %q", c.l.scope, c.format, got, c.want)
		}
	}
}

// TestNetrcLeftAlone: an entry of somebody else's for the host stops login, however it is laid out; other hosts' do
// not.
func TestNetrcLeftAlone(t *testing.T) {
	site, _ := url.Parse("https://h.example")
	l := &login{site: site, scope: "read"}
	for _, c := range []struct {
		text string
		left bool
	}{
		{"", false},
		{"machine g.example login a password b\n", false},
		{"machine xh.example login a password b\nmachine h.example.org login a password b\n", false},
		{"machine h.example login __token__ password pypi-idx_old\n", false},
		{"machine h.example login a password b\n", true},
		{"machine h.example login __token__ password pypi-AgEI\n", true},
		{"machine\n  h.example\n  login a\n", true},
		{"machine g.example login a password b machine h.example login c password d", true},
		{"machine h.example login __token__ password pypi-idx_old account x\n", true},
	} {
		path := filepath.Join(t.TempDir(), "netrc")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.mayPutNetrc(path); (err != nil) != c.left {
			t.Errorf("mayPutNetrc(%q) = %v, want refused: %v", c.text, err, c.left)
		}
	}
	link := filepath.Join(t.TempDir(), "netrc")
	if err := os.Symlink(filepath.Join(t.TempDir(), "else"), link); err != nil {
		t.Fatal(err)
	}
	if err := l.mayPutNetrc(link); err == nil {
		t.Error("mayPutNetrc(a link) = nil: it would be replaced by a file")
	}
}

// TestOwnAudience: an index may name its own host alone, and another name only if somebody said it expressly.
func TestOwnAudience(t *testing.T) {
	for _, c := range []struct {
		url, audience string
		want          bool
	}{
		{"https://pypi.acme.example", "pypi.acme.example", true},
		{"https://PyPI.acme.example/", "pypi.ACME.example", true},
		{"https://pypi.acme.example:443", "pypi.acme.example", true},
		{"https://pypi.acme.example", "pypi.acme.example:443", true},
		{"https://pypi.acme.example:8443", "pypi.acme.example:8443", true},
		{"http://localhost:80", "localhost", true},
		{"https://pypi.acme.example:8443", "pypi.acme.example", false},
		{"https://pypi.acme.example", "pypi.acme.example:80", false},
		{"https://evil.example", "pypi.acme.example", false},
		{"https://pypi.acme.example.evil.example", "pypi.acme.example", false},
		{"https://acme.example", "pypi.acme.example", false},
		{"https://pypi.acme.example", "", false},
		{"https://pypi.acme.example", "https://pypi.acme.example", false},
		{"https://pypi", "sts.amazonaws.com", false},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := ownAudience(u, c.audience); got != c.want {
			t.Errorf("ownAudience(%s, %q) = %v, want %v", c.url, c.audience, got, c.want)
		}
	}
}

// TestLoginWithAudience: what --audience says is asked for, and the index is not asked what it would like.
func TestLoginWithAudience(t *testing.T) {
	good := access.NewToken().Reveal()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_/oidc/audience",
		func(http.ResponseWriter, *http.Request) { t.Error("the index was asked for its audience") })
	mux.HandleFunc("POST /_/oidc/mint-token",
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"token":%q,"expires":1}`, good) })
	web := httptest.NewServer(mux)
	defer web.Close()
	site, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	l := &login{site: site, scope: "read"}
	if err := l.exchange(t.Context(), newIndexClient(site), outside(t, map[string]string{"INDEX_ID_TOKEN": "a.b.c"}),
		"pypi.acme.example"); err != nil {
		t.Errorf("exchange with an audience that was said = %v", err)
	}
}

// TestCircleIssuers checks that login uses the token of CircleCI's root issuer as uv does, and the organization's if
// the index does not have the root issuer, or if the command is too old to know it.
func TestCircleIssuers(t *testing.T) {
	const root, organization = "by.root.x", "by.organization.x"
	for _, c := range []struct {
		name    string
		known   string   // the token whose issuer the index has
		fails   bool     // the command does not know --root-issuer
		code    string   // of the refusal of other tokens
		want    []string // the tokens that the index gets
		granted bool
	}{
		{"root issuer", root, false, "invalid-payload", []string{root}, true},
		{"organization's issuer", organization, false, "invalid-payload", []string{root, organization}, true},
		{"old command", organization, true, "invalid-payload", []string{organization}, true},
		{"neither", "none", false, "invalid-payload", []string{root, organization}, false},
		{"a refusal for another reason", organization, false, "invalid-publisher", []string{root}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/_/oidc/audience" {
					fmt.Fprintf(w, `{"audience": %q}`, r.Host)
					return
				}
				var sent struct{ Token string }
				_ = json.NewDecoder(r.Body).Decode(&sent)
				got = append(got, sent.Token)
				if sent.Token != c.known {
					w.WriteHeader(http.StatusUnprocessableEntity)
					fmt.Fprintf(w, `{"errors": [{"code": %q, "description": "unknown trusted publishing issuer"}]}`, c.code)
					return
				}
				fmt.Fprintf(w, `{"token": %q, "expires": 4000000000}`, access.NewToken().Reveal())
			}))
			defer server.Close()
			job := outside(t, map[string]string{"CIRCLECI": "true"})
			job.installed = func(string) bool { return true }
			job.run = func(_ context.Context, _ string, args ...string) ([]byte, error) {
				switch rooted := slices.Contains(args, "--root-issuer"); {
				case rooted && c.fails:
					return nil, errors.New("unknown flag")
				case rooted:
					return []byte(root), nil
				}
				return []byte(organization), nil
			}
			site, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			l := &login{site: site, scope: "read"}
			err = l.exchange(t.Context(), newIndexClient(site), job, "")
			if (err == nil) != c.granted || !slices.Equal(got, c.want) {
				t.Errorf("exchange() = %v after sending %q, want %q", err, got, c.want)
			}
		})
	}
}
