package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// tool is how a client is used.
type tool struct {
	name   string
	words  string // around the REASON, when it asked for a file that is not served
	client func(t *testing.T) *clienttest.Client
	// lock writes a lock of requirements, and sync installs what it names.
	lock func(p *person, requirements ...string) clienttest.Result
	sync func(p *person) clienttest.Result
	// upgrade lets the lock take another release of a project, "" if people edit it.
	upgrade []string
	// install installs requirements without a lock.
	install func(p *person, requirements ...string) clienttest.Result
}

// tools are pips of three generations, both ways to use uv, poetry and pdm.
func tools(t *testing.T) (all []tool) {
	t.Helper()
	for _, pip := range clienttest.Generations(t) {
		all = append(all, tool{
			name:    pip.Name,
			words:   "403 Client Error: REASON",
			client:  func(*testing.T) *clienttest.Client { return pip.Set("PIP_RETRIES=0") },
			install: pipInstall,
			lock:    hashes,
			sync:    pipSync,
		})
	}
	uv := func(t *testing.T) *clienttest.Client { return clienttest.UV(t).Set("UV_HTTP_RETRIES=0") }
	return append(all,
		tool{
			name:    "uv pip",
			words:   "HTTP status client error (403 REASON)",
			client:  uv,
			install: uvInstall,
			lock:    hashes,
			sync:    uvInstallLock,
		},
		tool{
			name:    "uv",
			words:   "HTTP status client error (403 REASON)",
			client:  uv,
			install: resolved(uvLock, uvSync, "uv.lock"),
			lock:    uvLock,
			sync:    uvSync,
			upgrade: []string{"lock", "--upgrade-package", cooling},
		},
		tool{
			name:    "poetry",
			words:   "403 Client Error: REASON",
			client:  func(t *testing.T) *clienttest.Client { return clienttest.Poetry(t).Set("POETRY_NO_INTERACTION=1") },
			install: resolved(poetryLock, poetrySync, "poetry.lock"),
			lock:    poetryLock,
			sync:    poetrySync,
			upgrade: []string{"update", "--lock", cooling},
		},
		tool{
			name:    "pdm",
			words:   "Client error '403 REASON'",
			client:  func(t *testing.T) *clienttest.Client { return clienttest.PDM(t) },
			install: resolved(pdmLock, pdmSync, "pdm.lock"),
			lock:    pdmLock,
			sync:    pdmSync,
			upgrade: []string{"update", "--no-sync", cooling},
		},
	)
}

// resolved installs by writing a new lock and installing what it names.
func resolved(lock func(*person, ...string) clienttest.Result, sync func(*person) clienttest.Result, name string,
) func(*person, ...string) clienttest.Result {
	return func(p *person, requirements ...string) clienttest.Result {
		p.t.Helper()
		if err := os.RemoveAll(filepath.Join(p.dir, name)); err != nil {
			p.t.Fatal(err)
		}
		if r := lock(p, requirements...); r.Code != 0 {
			return r
		}
		return sync(p)
	}
}

// person uses a tool in a folder, through a repository.
type person struct {
	*tree
	tool
	dir    string
	client *clienttest.Client
}

func (w *world) person(t *testing.T, tool tool) *person {
	t.Helper()
	name := strings.NewReplacer(".", "-", " ", "-").Replace(tool.name)
	p := &person{tree: w.repository(t, name), tool: tool, dir: t.TempDir(), client: tool.client(t)}
	p.client = p.client.Set("HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9",
		"UV_INDEX_ACME_USERNAME=__token__", "UV_INDEX_ACME_PASSWORD="+p.token, "UV_NO_CONFIG=0",
		"UV_PYTHON="+p.client.Interpreter(), "POETRY_HTTP_BASIC_ACME_USERNAME=__token__",
		"POETRY_HTTP_BASIC_ACME_PASSWORD="+p.token)
	return p
}

// run runs the client with an empty cache.
func (p *person) run(args ...string) clienttest.Result {
	p.t.Helper()
	cache := p.t.TempDir()
	return p.client.Set("PIP_CACHE_DIR="+cache, "UV_CACHE_DIR="+cache, "POETRY_CACHE_DIR="+cache, "PDM_CACHE_DIR="+cache).
		Run(p.t, p.dir, args...)
}

// sites are the folders in which tools install.
func (p *person) sites() []string {
	return []string{
		filepath.Join(p.dir, "target"), filepath.Join(p.dir, ".venv", "lib", "python3*", "site-packages"),
	}
}

// has returns the versions of the projects that are installed.
func (p *person) has() map[string]string {
	out := map[string]string{}
	for _, site := range p.sites() {
		for name, version := range installed(p.t, site) {
			out[name] = version
		}
	}
	delete(out, "pip") // of the environment
	return out
}

// clear removes what is installed.
func (p *person) clear() {
	p.t.Helper()
	for _, site := range p.sites() {
		for _, project := range projects {
			for _, what := range []string{project + ".py", project + ".pth", project + "-*.dist-info"} {
				found, _ := filepath.Glob(filepath.Join(site, what))
				for _, f := range found {
					if err := os.RemoveAll(f); err != nil {
						p.t.Fatal(err)
					}
				}
			}
		}
	}
}

func pipInstall(p *person, requirements ...string) clienttest.Result {
	return p.run(append([]string{
		"install", "--no-compile", "--target", "target", "--index-url", p.simple(),
	}, requirements...)...)
}

// hashes writes the newest release of each requirement with its digest, as pip-compile does.
func hashes(p *person, requirements ...string) clienttest.Result {
	var lines strings.Builder
	for _, r := range requirements {
		fmt.Fprintf(&lines, "%s==2.0 --hash=sha256:%s\n", r, p.wheels[r+"==2.0"].SHA256())
	}
	write(p.t, p.dir, "requirements.txt", lines.String())
	return clienttest.Result{}
}

func pipSync(p *person) clienttest.Result {
	return pipInstall(p, "--require-hashes", "-r", "requirements.txt")
}

func uvInstall(p *person, requirements ...string) clienttest.Result {
	return p.run(append([]string{"pip", "install", "--target", "target", "--index-url", p.simple()}, requirements...)...)
}

func uvInstallLock(p *person) clienttest.Result {
	return uvInstall(p, "--require-hashes", "-r", "requirements.txt")
}

// declare writes a pyproject.toml with requirements and the lines of a tool.
func (p *person) declare(tool string, requirements []string) {
	p.t.Helper()
	var quoted []string
	for _, r := range requirements {
		quoted = append(quoted, fmt.Sprintf("%q", r))
	}
	write(p.t, p.dir, "pyproject.toml", fmt.Sprintf("[project]\nname = \"consumer\"\nversion = \"1.0\"\n"+
		"requires-python = \">=3.9\"\ndependencies = [%s]\n%s", strings.Join(quoted, ", "), tool))
}

func uvLock(p *person, requirements ...string) clienttest.Result {
	p.declare(fmt.Sprintf("[[tool.uv.index]]\nname = \"acme\"\nurl = %q\ndefault = true\n", p.root()), requirements)
	return p.run("lock")
}

func uvSync(p *person) clienttest.Result { return p.run("sync", "--locked") }

func poetryLock(p *person, requirements ...string) clienttest.Result {
	p.declare(fmt.Sprintf("[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = \"acme\"\nurl = %q\n"+
		"priority = \"primary\"\n", p.root()), requirements)
	return p.run("lock")
}

func poetrySync(p *person) clienttest.Result {
	return p.run("install", "--no-root")
}

func pdmLock(p *person, requirements ...string) clienttest.Result {
	p.declare(fmt.Sprintf("[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = \"pypi\"\nurl = %q\n",
		p.simple()), requirements)
	if _, err := os.Stat(filepath.Join(p.dir, ".venv")); err != nil {
		p.run("venv", "create", p.client.Interpreter()).OK(p.t)
	}
	return p.run("lock")
}

func pdmSync(p *person) clienttest.Result { return p.run("sync", "--no-self") }
