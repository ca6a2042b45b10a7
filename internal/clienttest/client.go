package clienttest

import (
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// Client is one packaging tool in its own virtual environment.
type Client struct {
	Name string // folder below INDEX_TEST_CLIENTS: "twine", "pip-19.3.1"
	dir  string
	env  []string
}

// Twine returns the real twine.
func Twine(t testing.TB) *Client { t.Helper(); return client(t, "twine") }

// UV returns the real uv. It never downloads a Python and reads no configuration.
func UV(t testing.TB) *Client { t.Helper(); return client(t, "uv") }

// Poetry returns the real poetry.
func Poetry(t testing.TB) *Client { t.Helper(); return client(t, "poetry") }

// Hatch returns the real hatch.
func Hatch(t testing.TB) *Client { t.Helper(); return client(t, "hatch") }

// Flit returns the real flit.
func Flit(t testing.TB) *Client { t.Helper(); return client(t, "flit") }

// PDM returns the real pdm.
func PDM(t testing.TB) *Client { t.Helper(); return client(t, "pdm") }

// Pipenv returns the real pipenv.
func Pipenv(t testing.TB) *Client { t.Helper(); return client(t, "pipenv") }

// Audit returns the environment of the real pip-audit, for Shell.
func Audit(t testing.TB) *Client { t.Helper(); return client(t, "audit") }

// Pips returns every installed pip, oldest first. test.sh installs one of each generation that the machine's Pythons
// can run.
func Pips(t testing.TB) []*Client {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(clientsDir(t), "pip-*", "bin", "python"))
	if len(found) == 0 {
		Missing(t, "no pip below INDEX_TEST_CLIENTS; run ./test.sh")
	}
	var pips []*Client
	for _, p := range found {
		pips = append(pips, client(t, filepath.Base(filepath.Dir(filepath.Dir(p)))))
	}
	sort.Slice(pips, func(i, j int) bool { return major(pips[i].Name) < major(pips[j].Name) })
	return pips
}

// NewestPip returns the last of Pips.
func NewestPip(t testing.TB) *Client {
	t.Helper()
	pips := Pips(t)
	return pips[len(pips)-1]
}

// Generations returns a pip of each generation of the read protocol, oldest first: one that reads HTML alone, one that
// reads JSON, and the newest.
func Generations(t testing.TB) (out []*Client) {
	t.Helper()
	pips := Pips(t)
	for _, prefixes := range [][]string{{"pip-20.", "pip-21.", "pip-19."}, {"pip-22.", "pip-23.", "pip-24."}} {
		for _, prefix := range prefixes {
			i := slices.IndexFunc(pips, func(c *Client) bool { return strings.HasPrefix(c.Name, prefix) })
			if i >= 0 {
				out = append(out, pips[i])
				break
			}
		}
	}
	return append(out, pips[len(pips)-1])
}

// major returns the major version, which orders "pip-9.0.3" before "pip-19.3.1". There is one pip per major version.
func major(name string) int {
	n := 0
	for _, c := range strings.TrimPrefix(name, "pip-") {
		if c == '.' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func clientsDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("INDEX_TEST_CLIENTS")
	if dir == "" {
		Missing(t, "INDEX_TEST_CLIENTS names no folder of clients; run ./test.sh")
	}
	return dir
}

// client finds a tool by its stamp, which test.sh writes when the environment is complete.
func client(t testing.TB, name string) *Client {
	t.Helper()
	dir := filepath.Join(clientsDir(t), name)
	if _, err := os.Stat(filepath.Join(dir, ".stamp")); err != nil {
		Missing(t, "%s is not there; run ./test.sh", name)
	}
	return &Client{Name: name, dir: dir, env: cleanEnv(t.TempDir(), filepath.Join(dir, "bin"))}
}

// Set returns a copy of the client with more environment, each entry as NAME=value. The last entry of a name wins.
func (c *Client) Set(env ...string) *Client {
	with := *c
	with.env = append(append([]string(nil), c.env...), env...)
	return &with
}

// Run runs the client in dir with the given arguments.
func (c *Client) Run(t testing.TB, dir string, args ...string) Result {
	t.Helper()
	program := strings.SplitN(c.Name, "-", 2)[0]
	return run(t, dir, c.env, filepath.Join(c.dir, "bin", program), args...)
}

// Shell runs a script with the client on the PATH, as a CI job does.
func (c *Client) Shell(t testing.TB, dir, script string) Result {
	t.Helper()
	return run(t, dir, c.env, "/bin/sh", "-e", "-c", script)
}

// Python runs the interpreter of the client's environment.
func (c *Client) Python(t testing.TB, dir string, args ...string) Result {
	t.Helper()
	return run(t, dir, c.env, c.Interpreter(), args...)
}

// Interpreter returns the path of the Python in the client's environment.
func (c *Client) Interpreter() string { return filepath.Join(c.dir, "bin", "python") }
