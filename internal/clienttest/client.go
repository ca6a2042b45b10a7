package clienttest

import (
	"os"
	"path/filepath"
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

// Twine is the real twine.
func Twine(t testing.TB) *Client { t.Helper(); return client(t, "twine") }

// UV is the real uv; it never downloads a Python and reads no configuration.
func UV(t testing.TB) *Client { t.Helper(); return client(t, "uv") }

// Poetry is the real poetry.
func Poetry(t testing.TB) *Client { t.Helper(); return client(t, "poetry") }

// Hatch is the real hatch.
func Hatch(t testing.TB) *Client { t.Helper(); return client(t, "hatch") }

// Flit is the real flit.
func Flit(t testing.TB) *Client { t.Helper(); return client(t, "flit") }

// Pips is every pip there is, oldest first; test.sh makes one of each generation that the machine's Pythons can run.
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

// NewestPip is the last of Pips.
func NewestPip(t testing.TB) *Client {
	t.Helper()
	pips := Pips(t)
	return pips[len(pips)-1]
}

// major orders "pip-9.0.3" before "pip-19.3.1"; there is one pip a major version.
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

// client finds a tool by its stamp, which test.sh writes once the environment is whole.
func client(t testing.TB, name string) *Client {
	t.Helper()
	dir := filepath.Join(clientsDir(t), name)
	if _, err := os.Stat(filepath.Join(dir, ".stamp")); err != nil {
		Missing(t, "%s is not there; run ./test.sh", name)
	}
	return &Client{Name: name, dir: dir, env: cleanEnv(t.TempDir(), filepath.Join(dir, "bin"))}
}

// Set is the client with more environment, each entry as NAME=value; the last of a name counts.
func (c *Client) Set(env ...string) *Client {
	with := *c
	with.env = append(append([]string(nil), c.env...), env...)
	return &with
}

// Run runs the client in dir with arguments as typed.
func (c *Client) Run(t testing.TB, dir string, args ...string) Result {
	t.Helper()
	program := strings.SplitN(c.Name, "-", 2)[0]
	return run(t, dir, c.env, filepath.Join(c.dir, "bin", program), args...)
}

// Shell runs a script, as a CI job does, where the client is on the PATH.
func (c *Client) Shell(t testing.TB, dir, script string) Result {
	t.Helper()
	return run(t, dir, c.env, "/bin/sh", "-e", "-c", script)
}

// Python runs the interpreter of the client's environment.
func (c *Client) Python(t testing.TB, dir string, args ...string) Result {
	t.Helper()
	return run(t, dir, c.env, c.Interpreter(), args...)
}

// Interpreter is the path of the Python in the client's environment.
func (c *Client) Interpreter() string { return filepath.Join(c.dir, "bin", "python") }
