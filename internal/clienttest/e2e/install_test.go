package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// stocked is a site with two releases of acme-greeter and one of acme-counter, which needs it. Its server runs with the
// race detector: installers ask for many things at once.
func stocked(t *testing.T, o clienttest.Options) *site {
	o.Race = true
	t.Helper()
	s := open(t, o)
	files := clienttest.Sample(t, "setuptools", "1.0")
	files = append(files, clienttest.Sample(t, "setuptools", "1.1")...)
	s.publish(t, append(files, clienttest.Sample(t, "hatch", "2.0")...)...)
	return s
}

// counts fails t unless the packages in target work together.
func counts(t *testing.T, c *clienttest.Client, target string) {
	t.Helper()
	r := c.Set("PYTHONPATH="+target).Python(t, target, "-c", "import acme_counter; acme_counter.main()").OK(t)
	if got := strings.TrimSpace(r.Stdout); got != "11" {
		t.Errorf("acme_counter.main() of %s printed %q, want 11", target, got)
	}
}

// installed is the version of acme-greeter in target, read from the folder its metadata is in.
func installed(t *testing.T, target string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(target, "acme_greeter-*.dist-info"))
	if len(found) != 1 {
		t.Fatalf("acme-greeter in %s = %v, want one", target, found)
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(found[0]), "acme_greeter-"), ".dist-info")
}

func TestPipInstall(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	for _, pip := range clienttest.Pips(t) {
		t.Run(pip.Name, func(t *testing.T) {
			target := t.TempDir()
			pip.Run(t, target, "install", "--target", target, "--index-url", s.simple(), "acme-counter").OK(t)
			counts(t, pip, target)
			if got := installed(t, target); got != "1.1" {
				t.Errorf("%s installed acme-greeter %s, want the newest, 1.1", pip.Name, got)
			}
		})
	}
}

// A wheel's metadata is there alone, is the file in the wheel, and is what a resolving pip reads instead of the wheel.
func TestMetadataAlone(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	const wheel = "acme_counter-2.0-py3-none-any.whl"
	paths, _ := s.files(t, "acme-counter")
	answer, body := s.get(t, paths[wheel]+".metadata", "*/*")
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "\nRequires-Dist: acme-greeter\n") {
		t.Fatalf("GET %s.metadata = %s\n%s", paths[wheel], answer.Status, body)
	}

	pip, target := clienttest.NewestPip(t), t.TempDir()
	before := len(s.Log())
	pip.Run(t, target, "install", "--dry-run", "--target", target, "--index-url", s.simple(), "acme-counter").OK(t)
	log := s.Log()[before:]
	if !strings.Contains(log, wheel+".metadata") {
		t.Errorf("pip resolved without asking for %s.metadata:\n%s", wheel, log)
	}
	if strings.Contains(strings.ReplaceAll(log, wheel+".metadata", ""), wheel) {
		t.Errorf("pip fetched the whole of %s to resolve:\n%s", wheel, log)
	}
}

func TestPipRequireHashes(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := clienttest.Sample(t, "setuptools", "1.0")
	s.publish(t, files...)
	pip := clienttest.NewestPip(t)
	for _, tt := range []struct {
		name, digest string
		ok           bool
	}{
		{"the wheel's", sum(t, files[1]), true},
		{"another", strings.Repeat("0", 64), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := t.TempDir()
			lock := filepath.Join(target, "requirements.txt")
			if err := os.WriteFile(lock, fmt.Appendf(nil, "acme-greeter==1.0 --hash=sha256:%s\n", tt.digest),
				0o644); err != nil {
				t.Fatal(err)
			}
			r := pip.Run(t, target, "install", "--target", target, "--require-hashes", "--index-url", s.simple(), "-r", lock)
			if tt.ok {
				r.OK(t)
			} else {
				r.Refused(t, "hash")
			}
		})
	}
}

func TestPipInstallSource(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	target := t.TempDir()
	builder := clienttest.Builder(t)
	builder.Python(t, target, "-m", "pip", "install", "--target", target, "--no-binary", ":all:", "--no-build-isolation",
		"--index-url", s.simple(), "acme-counter").OK(t)
	counts(t, builder, target)
}

func TestUVInstall(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	uv, target := clienttest.UV(t), t.TempDir()
	uv.Run(t, target, "pip", "install", "--python", uv.Interpreter(), "--target", target, "--index-url", s.simple(),
		"acme-counter").OK(t)
	counts(t, uv, target)

	// The same with credentials beside the URL, as uv's own documentation has it for a named index, and a lock file.
	dir := t.TempDir()
	toml := fmt.Sprintf(`[project]
name = "app"
version = "1"
requires-python = ">=3.8"
dependencies = ["acme-counter"]

[[tool.uv.index]]
name = "acme"
url = %q
default = true
`, s.URL+"/simple/")
	if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	named := uv.Set("UV_NO_CONFIG=0", "UV_INDEX_ACME_USERNAME=__token__", "UV_INDEX_ACME_PASSWORD="+s.read)
	named.Run(t, dir, "sync", "--python", uv.Interpreter()).OK(t)
	lock, err := os.ReadFile(filepath.Join(dir, "uv.lock"))
	if err != nil || !strings.Contains(string(lock), `name = "acme-greeter"`) || strings.Contains(string(lock), s.read) {
		t.Errorf("uv.lock names acme-greeter and no token: %v\n%s", err, lock)
	}
	named.Run(t, dir, "run", "--frozen", "acme-count").OK(t).Says(t, "11")
}

func TestPoetryInstall(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	dir := t.TempDir()
	toml := fmt.Sprintf(`[project]
name = "app"
version = "1"
requires-python = ">=3.8"
dependencies = ["acme-counter"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "acme"
url = %q
priority = "primary"
`, s.URL+"/simple/")
	if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	c := clienttest.Poetry(t).Set("POETRY_HTTP_BASIC_ACME_USERNAME=__token__", "POETRY_HTTP_BASIC_ACME_PASSWORD="+s.read)
	c.Run(t, dir, "install", "--no-interaction").OK(t)
	c.Run(t, dir, "run", "acme-count").OK(t).Says(t, "11")
	// A second resolve is answered by 304s out of poetry's cache; one with another type breaks it.
	c.Run(t, dir, "update", "--no-interaction").OK(t)
}

// What installers say when they may not read. pip goes on to the next index whatever the answer, so that its own
// words only speak of nothing found; credentials that are wrong are told apart.
func TestInstallCredentials(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	pip, uv, target := clienttest.NewestPip(t), clienttest.UV(t), t.TempDir()
	fromPip := func(index string) clienttest.Result {
		return pip.Run(t, target, "install", "--target", target, "--index-url", index, "acme-greeter")
	}
	fromPip(s.URL+"/simple/").Refused(t, "acme-greeter")
	fromPip(s.With("pypi-wrong", "/simple/")).Refused(t, "401", "credentials")
	for _, index := range []string{s.URL + "/simple/", s.With("pypi-wrong", "/simple/")} {
		uv.Run(t, target, "pip", "install", "--python", uv.Interpreter(), "--target", target, "--index-url", index,
			"acme-greeter").Refused(t, "401")
	}
}

// A user with a valid token who requests a missing project gets "not found", or uv would not try the next index.
func TestUnknownProject(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	uv, target := clienttest.UV(t), t.TempDir()
	r := uv.Run(t, target, "pip", "install", "--python", uv.Interpreter(), "--target", target, "--index-url", s.simple(),
		"acme-nothing")
	r.Refused(t, "acme-nothing", "not found")
}
