package trusted_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// stocked is a job whose index has acme-greeter, which no publisher and no reader is for.
func stocked(t *testing.T) (j *job, files []string) {
	t.Helper()
	j = newJob(t)
	files = clienttest.Sample(t, "setuptools", "1.0")
	j.Index(append([]string{"upload"}, files...)...).OK(t)
	return j, files
}

// letRead registers acme/widgets' workflow as a reader and returns its id.
func (j *job) letRead(more ...string) string {
	j.t.Helper()
	args := []string{
		"reader", "add", "github", "--issuer", j.issuer.URL, "--owner", "acme", "--repository", "widgets",
		"--workflow", "release.yml", "--environment", "release", "--owner-id", "4242",
	}
	return strings.TrimSpace(j.Index(append(args, more...)...).OK(j.t).Stdout)
}

// login runs "index login" as a job does.
func (j *job) login(env []string, args ...string) clienttest.Result {
	j.t.Helper()
	return j.run(env, append([]string{"login", "--url", j.URL}, args...)...)
}

// run runs the program far from any data, with nothing but an environment.
func (j *job) run(env []string, args ...string) clienttest.Result {
	j.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(clienttest.Binary(j.t, false), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = j.t.TempDir(), &stdout, &stderr
	cmd.Env = append([]string{"HOME=" + cmd.Dir, "PATH=/usr/bin:/bin", "SSL_CERT_FILE=" + j.bundle}, env...)
	err := cmd.Run()
	r := clienttest.Result{Command: "index " + strings.Join(args, " "), Stdout: stdout.String(), Stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.Code = exit.ExitCode()
	} else if err != nil {
		j.t.Fatal(err)
	}
	if left, err := os.ReadDir(cmd.Dir); err != nil || len(left) > 0 {
		j.t.Errorf("index login left %v in the folder it ran in, %v", left, err)
	}
	return r
}

// secret is the token in what login wrote.
func secret(t *testing.T, text string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "pypi-idx_")
	end := strings.IndexFunc(rest, func(r rune) bool {
		return !strings.ContainsRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", r)
	})
	if !found || end < 0 {
		t.Fatalf("there is no token in %q", text)
	}
	return "pypi-idx_" + rest[:end]
}

// TestLoginPip: a job installs with pip by what login wrote into pip's own file, and no more once its reader is gone.
func TestLoginPip(t *testing.T) {
	j, _ := stocked(t)
	reader := j.letRead("--project", "acme-greeter")
	file := filepath.Join(t.TempDir(), "pip.conf")
	for range 2 { // the second replaces what the first wrote
		r := j.login(append(j.env(), "PIP_CONFIG_FILE="+file), "--format", "pip", "--write").OK(t)
		if r.Stdout != "" {
			t.Errorf("login --write says %q on standard output", r.Stdout)
		}
		masked := secret(t, r.Stderr)
		if !strings.Contains(r.Stderr, "::add-mask::"+masked+"\n") || strings.Count(r.Stderr, masked) != 1 {
			t.Errorf("login in a job of GitHub's does not mask its token, or shows it elsewhere: %q", r.Stderr)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("pip.conf: %v, %v, want mode 0600", info, err)
	}
	pip := clienttest.NewestPip(t).Set("PIP_CONFIG_FILE="+file, "PIP_CERT="+j.bundle)
	install := func() clienttest.Result {
		return pip.Run(t, "", "install", "--no-cache-dir", "--target", t.TempDir(), "acme-greeter")
	}
	install().OK(t).Says(t, "acme-greeter-1.0")
	j.Index("reader", "remove", reader).OK(t)
	install().Refused(t, "acme-greeter")
}

// TestLoginFormats: each way of handing over works with the tool that it is for.
func TestLoginFormats(t *testing.T) {
	j, _ := stocked(t)
	j.letRead()
	target := func() string { return t.TempDir() }
	t.Run("url with pip", func(t *testing.T) {
		url := strings.TrimSpace(j.login(j.env()).OK(t).Stdout)
		clienttest.NewestPip(t).Set("PIP_CERT="+j.bundle).Run(t, "", "install", "--target", target(), "--index-url", url,
			"acme-greeter").OK(t)
	})
	t.Run("netrc with pip", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "netrc")
		if err := os.WriteFile(file, []byte("default login somebody password else\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			j.login(append(j.env(), "NETRC="+file), "--format", "netrc", "--write").OK(t)
		}
		text, err := os.ReadFile(file)
		if err != nil || strings.Count(string(text), "machine") != 1 ||
			!strings.HasSuffix(string(text), "\ndefault login somebody password else\n") {
			t.Errorf("netrc after two logins: %q, %v", text, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("netrc: %v, %v, want mode 0600", info, err)
		}
		pip := clienttest.NewestPip(t).Set("PIP_CERT="+j.bundle, "NETRC="+file)
		pip.Run(t, "", "install", "--target", target(), "--index-url", j.URL+"/simple/", "acme-greeter").OK(t)
	})
	t.Run("uv.toml with uv", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "uv.toml")
		j.login(append(j.env(), "UV_CONFIG_FILE="+file), "--format", "uv", "--write").OK(t)
		uv := clienttest.UV(t).Set("SSL_CERT_FILE="+j.bundle, "UV_NO_CONFIG=false")
		uv.Run(t, "", "--config-file", file, "pip", "install", "--target", target(), "--python",
			clienttest.NewestPip(t).Interpreter(), "acme-greeter").OK(t)
	})
	t.Run("variables with uv", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "github-env")
		j.login(append(j.env(), "GITHUB_ENV="+file), "--format", "env", "--write").OK(t)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		uv := clienttest.UV(t).Set(append(lines, "SSL_CERT_FILE="+j.bundle)...)
		uv.Run(t, "", "pip", "install", "--target", target(), "--python", clienttest.NewestPip(t).Interpreter(),
			"acme-greeter").OK(t)
	})
}

// TestLoginUpload: the same command gives twine what it needs; a read token would not do.
func TestLoginUpload(t *testing.T) {
	j := newJob(t)
	j.trust("acme-greeter", "--pending")
	j.letRead()
	files := clienttest.Sample(t, "setuptools", "1.0")
	file := filepath.Join(t.TempDir(), "github-env")
	j.login(append(j.env(), "GITHUB_ENV="+file), "--format", "env", "--write", "--scope", "upload").OK(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	variables := strings.Split(strings.TrimSpace(string(text)), "\n")
	twine := clienttest.Twine(t).Set(append(j.env(), variables...)...)
	read := secret(t, j.login(j.env()).OK(t).Stdout)
	twine.Set("TWINE_PASSWORD="+read).Run(t, "", append([]string{"upload"}, files...)...).Refused(t, "403")
	twine.Run(t, "", append([]string{"upload"}, files...)...).OK(t)
	if !j.listed("acme-greeter", filepath.Base(files[0])) {
		t.Error("twine published with what login wrote, and the file is not listed")
	}
}

// TestLoginReadsNoMore checks that the token reads only the reader's projects, over HTTP too.
func TestLoginReadsNoMore(t *testing.T) {
	j, _ := stocked(t)
	j.Index(append([]string{"upload"}, clienttest.Sample(t, "hatch", "1.0")...)...).OK(t)
	j.letRead("--project", "acme-greeter")
	token := secret(t, j.login(j.env()).OK(t).Stdout)
	for path, want := range map[string]int{
		"/simple/acme-greeter/": http.StatusOK, "/simple/acme-counter/": http.StatusNotFound,
		"/simple/nothing/":        http.StatusNotFound,
		"/pypi/acme-counter/json": http.StatusNotFound, "/r/nothing/simple/": http.StatusNotFound,
	} {
		if status, body := j.get(j.HTTP, j.URL+path, token); status != want {
			t.Errorf("GET %s with a read token = %d, want %d\n%s", path, status, want, body)
		}
	}
	if _, body := j.get(j.HTTP, j.URL+"/simple/", token); strings.Contains(string(body), "acme-counter") ||
		!strings.Contains(string(body), "acme-greeter") {
		t.Errorf("the list of projects for a read token: %s", body)
	}
}

// TestLoginElsewhere: jobs of other kinds bring their token in a variable or a file; it is good for one login.
func TestLoginElsewhere(t *testing.T) {
	j, _ := stocked(t)
	j.letRead()
	audience := j.audience()
	name := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, audience)
	file := filepath.Join(t.TempDir(), "token")
	token := j.identity(audience)
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for where, env := range map[string][]string{
		"GitLab":   {"GITLAB_CI=true", "_" + name[1:] + "_ID_TOKEN=" + j.identity(audience)},
		"CircleCI": {"CIRCLECI=true", "CIRCLE_OIDC_TOKEN_V2=" + j.identity(audience)},
		"anywhere": {"INDEX_ID_TOKEN=" + j.identity(audience)},
	} {
		r := j.login(env)
		if r.OK(t); secret(t, r.Stdout) == "" || strings.Contains(r.Stderr, "pypi-idx_") {
			t.Errorf("%s: login says %q", where, r.Stderr)
		}
	}
	j.login(nil, "--token-file", file).OK(t)
	j.login(nil, "--token-file", file).Refused(t, "invalid-reuse-token", "used for only one login")
}

// TestLoginRefused checks that the job's output names the missing part and contains no token.
func TestLoginRefused(t *testing.T) {
	j, _ := stocked(t)
	for name, c := range map[string]struct {
		claims map[string]any
		args   []string
		words  []string
	}{
		"no reader":        {nil, nil, []string{"invalid-publisher", "nothing here lets", "acme/widgets"}},
		"no publisher":     {nil, []string{"--scope", "upload"}, []string{"invalid-publisher", "no project here trusts"}},
		"another audience": {nil, []string{"--audience", "elsewhere"}, []string{"invalid-token", "audience"}},
		"a stranger's code": {
			map[string]any{"event_name": "pull_request_target", "repository": "evil/fork"},
			nil,
			[]string{"invalid-publisher", "evil/fork"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			j.issuer.SetJob(c.claims)
			r := j.login(j.env(), c.args...).Refused(t, c.words...)
			if strings.Contains(r.Output(), "eyJ") || strings.Contains(r.Output(), issuertest.JobBearer) || r.Stdout != "" {
				t.Errorf("a refused login prints a token, or something to use: %s", r.Output())
			}
		})
	}
	j.letRead()
	j.issuer.SetJob(map[string]any{"environment": "staging"})
	j.login(j.env()).Refused(t, "invalid-publisher", "environment", "staging")
	if log := j.Log(); strings.Contains(log, "eyJ") {
		t.Errorf("the server's log has something like a token:\n%s", log)
	}
}
