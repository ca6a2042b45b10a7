package moving

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// A pack brings what a lock names to an index that asks nobody, and clients install from there. Names that are own
// there stay so, and what is not held is refused in the same way by GET and HEAD.
func TestPack(t *testing.T) {
	t.Parallel()
	beta, gamma := newWheel(t, "beta", "1.0"), newWheel(t, "gamma", "1.0")
	delta := newWheel(t, "delta", "1.0")
	delta.unstated = true
	m := newReadingOf(t, newWheel(t, "alpha", "0.9"), newWheel(t, "alpha", "1.0", "beta"), gamma, delta, beta)
	m, _ = moveUV(t, m)
	m.write(t, "requirements.txt", "gamma==1.0\ndelta==1.0\n")
	m.write(t, "absent.txt", "gamma==9.9\nalpha==1.0\n")
	name := filepath.Join(m.dir, "alpha.pack")
	at := func(file string) string { return filepath.Join(m.dir, file) }
	m.site.Index("upstream", "pack", name, "-r", at("absent.txt")).
		Refused(t, "gamma 9.9: the upstream has no such file", "no pack was written")
	if _, err := os.Stat(name); err == nil {
		t.Error("a pack without everything was written")
	}
	m.site.Index("upstream", "pack", name, "-r", at("absent.txt"), "--partial", "--json").OK(t).
		Says(t, `"projects": 1`, `"files": 1`, `"version": "9.9"`)
	m.site.Index("upstream", "pack", name, "-r", at("uv.lock"), "-r", at("requirements.txt")).OK(t).
		Says(t, "has 3 files", "of 3 projects; 1 package from elsewhere")
	m.files.Close()

	off := &move{old: m.old, dir: m.dir, site: clienttest.Serve(t, clienttest.Options{Args: []string{"--offline"}})}
	off.stock(t, []wheel{beta, gamma})
	unpack := func(args ...string) clienttest.Result {
		return off.site.Index(append([]string{"upstream", "unpack"}, args...)...)
	}
	unpack(name).Refused(t, "there is no upstream default: add it with index upstream add default --url "+m.simple()+
		" --kind public")
	off.site.Index("upstream", "add", "elsewhere", "--url", m.simple(), "--allow-private").OK(t)
	unpack(name, "--as", "elsewhere").Refused(t, "repository main does not draw on upstream elsewhere")
	off.site.Index("repository", "set", "main", "--base", "upstream:elsewhere").OK(t)
	off.cut(t, name, at("half.pack"))
	unpack(at("half.pack"), "--as", "elsewhere").Refused(t, "not a whole pack")
	unpack(name, "--as", "elsewhere").Refused(t, "gamma: the name is this index's own",
		"1 page added; 1 file and 1 page here already", "1 item refused") // it goes on after the half
	unpack(name, "--as", "elsewhere", "--json").Refused(t, `"projects": 0`, `"kept": 2`, `"files": 0`, `"held": 2`)

	pip := off.client(t, clienttest.NewestPip(t), "PIP_INDEX_URL="+off.site.With(off.token, "/simple/"))
	pip.Run(t, off.dir, "install", "--target", "target", "alpha", "delta").OK(t)
	off.installed(t, "1.0")
	off.write(t, "pyproject.toml", strings.ReplaceAll(off.read(t, "pyproject.toml"), m.newSimple(), off.newSimple()))
	uv := off.client(t, clienttest.UV(t), "UV_INDEX_INTERNAL_USERNAME=__token__", "UV_INDEX_INTERNAL_PASSWORD="+off.token)
	uv.Run(t, off.dir, "lock").OK(t)
	uv.Run(t, off.dir, "sync", "--locked").OK(t)
	off.installed(t, "1.0")
	off.unasked(t)
	off.refusedOffline(t)
}

// cut writes the first half of a file to another.
func (m *move) cut(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b[:len(b)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var oldAlpha = regexp.MustCompile(`href="[^"]*?(/packages/elsewhere/[^"#]*alpha-0\.9-py3-none-any\.whl)`)

// refusedOffline asks for a file that is listed and not held.
func (m *move) refusedOffline(t *testing.T) {
	t.Helper()
	ask := func(method, path string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, m.site.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("__token__", m.token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	_, page := ask("GET", "/simple/alpha/")
	found := oldAlpha.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no alpha 0.9 in %s", page)
	}
	for _, method := range []string{"GET", "HEAD"} {
		code, text := ask(method, found[1])
		if code != http.StatusForbidden || method == "GET" && !strings.Contains(text, "offline: not held here") {
			t.Errorf("%s %s: %d %s", method, found[1], code, text)
		}
	}
	if code, _ := ask("HEAD", strings.Replace(found[1], "0.9", "1.0", 1)); code == http.StatusOK {
		t.Error("HEAD of a path that no page lists is answered")
	}
}
