package moving

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

const uvProject = `[project]
name = "app"
version = "1"
requires-python = ">=3.9"
dependencies = ["alpha"]

[[tool.uv.index]]
name = "internal"
url = %q
default = true
`

// movedUV is a project whose uv.lock was written against the old index and whose pyproject.toml names the new one.
func movedUV(t *testing.T) (*move, func() *clienttest.Client) {
	t.Helper()
	return moveUV(t, newMove(t))
}

func moveUV(t *testing.T, m *move) (*move, func() *clienttest.Client) {
	t.Helper()
	m.write(t, "pyproject.toml", fmt.Sprintf(uvProject, m.simple()))
	m.client(t, clienttest.UV(t)).Run(t, m.dir, "lock").OK(t)
	if !strings.Contains(m.read(t, "uv.lock"), m.files.URL) {
		t.Fatalf("uv.lock has no file URL of the old index:\n%s", m.read(t, "uv.lock"))
	}
	m.write(t, "pyproject.toml", fmt.Sprintf(uvProject, m.newSimple()))
	m.forget()
	return m, func() *clienttest.Client {
		return m.client(t, clienttest.UV(t), "UV_INDEX_INTERNAL_USERNAME=__token__", "UV_INDEX_INTERNAL_PASSWORD="+m.token)
	}
}

// uv sync --frozen installs from the file URLs of the old lock; --locked refuses it; after uv lock neither asks anybody
// but this index, and the versions are kept.
func TestUVLock(t *testing.T) {
	t.Parallel()
	recipe(t, "name = \"internal\"\nurl = \"[[.Simple]]\"\ndefault = true\n", "uv lock\nuv sync --locked\n",
		"`uv sync --frozen` installs from the **old** index; `--locked` fails; plain `uv sync` moves")
	m, uv := movedUV(t)
	m.check(t, "uv.lock", 1, "Fetched past this index (2)",
		"beta 1.0: 1 file from "+strings.TrimPrefix(m.files.URL, "http://"),
		"although the name belongs to this index", "run uv lock")

	uv().Run(t, m.dir, "sync", "--frozen").OK(t)
	m.served(t)
	m.uninstall(t)

	uv().Run(t, m.dir, "sync", "--locked").Refused(t, "needs to be updated")
	uv().Run(t, m.dir, "lock", "--check").Refused(t, "needs to be updated")
	m.forget()

	uv().Run(t, m.dir, "lock").OK(t)
	m.check(t, "uv.lock", 0, "No problems found.", "Names of this index (2): alpha, beta")
	for _, args := range [][]string{{"sync", "--locked"}, {"sync", "--frozen"}, {"sync"}} {
		m.uninstall(t)
		uv().Run(t, m.dir, args...).OK(t)
		m.installed(t, "1.0")
	}
	if lock := m.read(t, "uv.lock"); strings.Contains(lock, m.files.URL) || strings.Contains(lock, m.token) {
		t.Errorf("uv.lock names the old index, or the token:\n%s", lock)
	}
	m.unasked(t)
}

// A plain uv sync moves the lock by itself.
func TestUVSync(t *testing.T) {
	t.Parallel()
	m, uv := movedUV(t)
	uv().Run(t, m.dir, "sync").OK(t)
	m.installed(t, "1.0")
	m.check(t, "uv.lock", 0)
	m.unasked(t)
}

// A lock whose source was replaced by hand passes uv's own checks and installs from the old index. Locking anew from
// nothing mends it.
func TestUVSourceReplaced(t *testing.T) {
	t.Parallel()
	recipe(t, "Delete such a lock and run `uv lock`.")
	m, uv := movedUV(t)
	m.write(t, "uv.lock", strings.ReplaceAll(m.read(t, "uv.lock"), m.simple(), m.newSimple()))
	uv().Run(t, m.dir, "lock", "--check").OK(t)
	m.check(t, "uv.lock", 1, "The source is this index, but the file is not (2)", "delete the lock file, lock again")
	uv().Run(t, m.dir, "sync", "--locked").OK(t)
	m.served(t)
	m.uninstall(t)

	uv().Shell(t, m.dir, "rm uv.lock && uv lock").OK(t)
	m.check(t, "uv.lock", 0)
	uv().Run(t, m.dir, "sync", "--locked").OK(t)
	m.unasked(t)
}

// An exported pylock.toml installs from its file URLs, whatever is configured, until it is exported again.
func TestPylock(t *testing.T) {
	t.Parallel()
	recipe(t, "| `pylock.toml` | the address of each file | from the **old** index, with every tool | export it again |")
	m, uv := movedUV(t)
	export := func() {
		uv().Run(t, m.dir, "export", "--frozen", "--format", "pylock.toml", "--no-emit-project", "-o", "pylock.toml").OK(t)
	}
	pip := func() *clienttest.Client {
		return m.client(t, clienttest.NewestPip(t), "PIP_INDEX_URL="+m.site.With(m.token, "/simple/"))
	}
	export()
	m.check(t, "pylock.toml", 1, "Fetched past this index (2)", "uv export")
	m.forget()
	pip().Run(t, m.dir, "install", "--target", "target", "-r", "pylock.toml").OK(t)
	m.served(t)

	uv().Run(t, m.dir, "lock").OK(t)
	export()
	m.check(t, "pylock.toml", 0)
	m.uninstall(t)
	pip().Run(t, m.dir, "install", "--target", "target", "-r", "pylock.toml").OK(t)
	m.installed(t, "1.0")
	m.unasked(t)
}

// If the old index is an upstream of the new one, projects move in the same way: clients ask this index alone, for own
// names and for those of the upstream.
func TestUpstream(t *testing.T) {
	t.Parallel()
	m, uv := moveUV(t, newReading(t))
	m.check(t, "uv.lock", 1, "Fetched past this index (2)", "Names of this index (1): beta")
	uv().Run(t, m.dir, "lock").OK(t)
	m.check(t, "uv.lock", 0, "No problems found.", "Names of this index (1): beta")
	uv().Run(t, m.dir, "sync", "--locked").OK(t)
	m.installed(t, "1.0")
	m.unasked(t)
	if m.through == 0 {
		t.Error("the index asked its upstream for nothing")
	}
	if lock := m.read(t, "uv.lock"); !strings.Contains(lock, m.site.URL+"/packages/default/") {
		t.Errorf("uv.lock has no file of the upstream at this index:\n%s", lock)
	}
}

// index upstream fetch brings the files of a lock before anybody installs them. What is own is not asked for.
func TestFetch(t *testing.T) {
	t.Parallel()
	m, _ := moveUV(t, newReading(t))
	path := filepath.Join(m.dir, "uv.lock")
	m.site.Index("upstream", "fetch", "default", "-r", path).OK(t).
		Says(t, "1 file fetched", "0 here already; 1 of 2 packages from elsewhere")
	m.site.Index("upstream", "fetch", "default", "-r", path, "--json").OK(t).Says(t, `"fetched": 0`, `"held": 1`,
		`"failed": []`)
	m.write(t, "requirements.txt", "alpha==9.9\nabsent\n")
	m.site.Index("upstream", "fetch", "default", "-r", filepath.Join(m.dir, "requirements.txt")).
		Refused(t, "alpha 9.9: the upstream has no such file", "absent: ", "2 items could not be fetched")
	m.site.Index("upstream", "fetch", "nowhere", "-r", path).Refused(t)

	// The index serves the file without asking the upstream for it again.
	m.files.Close()
	pip := m.client(t, clienttest.NewestPip(t), "PIP_INDEX_URL="+m.site.With(m.token, "/simple/"))
	pip.Run(t, m.dir, "install", "--target", "target", "alpha").OK(t)
	m.installed(t, "1.0")
	m.unasked(t)
}
