package moving

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/clienttest"
)

// wheel is a distribution of a project without code.
type wheel struct {
	project, version, name string
	content                []byte
	unstated               bool // no page states its digest
}

// newWheel makes a wheel that needs other projects.
func newWheel(t *testing.T, project, version string, needs ...string) wheel {
	t.Helper()
	info := project + "-" + version + ".dist-info/"
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", project, version)
	for _, n := range needs {
		metadata += "Requires-Dist: " + n + "\n"
	}
	files := [][2]string{
		{project + ".py", "version = \"" + version + "\"\n"},
		{info + "METADATA", metadata},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	record := ""
	for _, f := range files {
		sum := sha256.Sum256([]byte(f[1]))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", f[0], base64.RawURLEncoding.EncodeToString(sum[:]), len(f[1]))
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range append(files, [2]string{info + "RECORD", record + info + "RECORD,,\n"}) {
		w, err := z.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return wheel{
		project: project, version: version, name: project + "-" + version + "-py3-none-any.whl", content: b.Bytes(),
	}
}

// old is the index that projects move away from, with its files on another host. It counts what is asked of either, and
// of every other host.
type old struct {
	pages, files, proxy *httptest.Server

	mu      sync.Mutex
	asked   []string // by clients
	through int      // requests of our index
}

func newOld(t *testing.T, wheels []wheel) *old {
	t.Helper()
	o := &old{}
	note := func(r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if strings.HasPrefix(r.UserAgent(), "index/") {
			o.through++
			return
		}
		o.asked = append(o.asked, r.Method+" "+r.Host+r.URL.Path)
	}
	o.files = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		for _, x := range wheels {
			if r.URL.Path == "/files/"+x.name {
				w.Header().Set("Content-Length", fmt.Sprint(len(x.content)))
				_, _ = w.Write(x.content)
				return
			}
		}
		http.NotFound(w, r)
	}))
	o.pages = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		links := ""
		for _, x := range wheels {
			if r.URL.Path == "/simple/"+x.project+"/" {
				digest := fmt.Sprintf("#sha256=%x", sha256.Sum256(x.content))
				if x.unstated {
					digest = ""
				}
				links += fmt.Sprintf("<a href=\"%s/files/%s%s\">%s</a>\n", o.files.URL, x.name, digest, x.name)
			}
		}
		if links == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!DOCTYPE html><html><body>\n%s</body></html>", links)
	}))
	o.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		http.Error(w, "this test asks no other host", http.StatusBadGateway)
	}))
	for _, s := range []*httptest.Server{o.pages, o.files, o.proxy} {
		t.Cleanup(s.Close)
	}
	return o
}

// simple returns the URL of the old index.
func (o *old) simple() string { return o.pages.URL + "/simple/" }

// forget forgets the requests so far.
func (o *old) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = nil
}

// unasked fails t if anything was asked of the old index, or of any host but ours, since forget.
func (o *old) unasked(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.asked) > 0 {
		t.Errorf("%d requests went past the index: %q", len(o.asked), o.asked)
	}
	o.asked = nil
}

// served fails t unless the old index gave out a file since forget.
func (o *old) served(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !strings.Contains(strings.Join(o.asked, "\n"), "/files/") {
		t.Errorf("no file came from the old index, only %q", o.asked)
	}
	o.asked = nil
}

// move is a project with an old lock, and the new index: ours. The new index has the files of the old one and a newer
// beta. Each has its own cache folder, so that nothing is installed from a cache.
type move struct {
	*old
	site  *clienttest.Server
	token string // reads
	dir   string // of the project
}

func newMove(t *testing.T) *move {
	t.Helper()
	wheels := []wheel{newWheel(t, "alpha", "1.0", "beta"), newWheel(t, "beta", "1.0")}
	m := &move{old: newOld(t, wheels), site: clienttest.Serve(t, clienttest.Options{}), dir: t.TempDir()}
	m.stock(t, append(wheels, newWheel(t, "beta", "1.1")))
	return m
}

// newReading is like newMove, but the new index has only beta of its own, and reads the old index as an upstream.
func newReading(t *testing.T) *move {
	t.Helper()
	return newReadingOf(t, newWheel(t, "alpha", "1.0", "beta"), newWheel(t, "beta", "1.0"))
}

// newReadingOf is newReading for an old index with these wheels. The last is own.
func newReadingOf(t *testing.T, wheels ...wheel) *move {
	t.Helper()
	m := &move{old: newOld(t, wheels), dir: t.TempDir()}
	m.site = clienttest.Serve(t, clienttest.Options{
		Args: []string{"--upstream", m.simple(), "--upstream-allow-private"},
	})
	m.stock(t, wheels[len(wheels)-1:])
	return m
}

// stock fills the new index and creates a token.
func (m *move) stock(t *testing.T, wheels []wheel) {
	t.Helper()
	m.site.User("alice", true)
	m.token = m.site.Token("alice", "--scope", "read")
	args := []string{"upload"}
	for _, w := range wheels {
		path := filepath.Join(t.TempDir(), w.name)
		if err := os.WriteFile(path, w.content, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	m.site.Index(args...).OK(t)
}

// simple returns the URL of the new index, without credentials.
func (m *move) newSimple() string { return m.site.URL + "/simple/" }

// client returns a client that reaches other hosts through the counting proxy only, with a new cache.
func (m *move) client(t *testing.T, c *clienttest.Client, env ...string) *clienttest.Client {
	t.Helper()
	cache := t.TempDir()
	return c.Set(append([]string{
		"HTTP_PROXY=" + m.proxy.URL, "HTTPS_PROXY=" + m.proxy.URL, "ALL_PROXY=" + m.proxy.URL,
		"http_proxy=" + m.proxy.URL, "https_proxy=" + m.proxy.URL, "no_proxy=127.0.0.1,localhost",
		"XDG_CACHE_HOME=" + cache, "UV_CACHE_DIR=" + cache + "/uv", "PIP_CACHE_DIR=" + cache + "/pip",
		"POETRY_CACHE_DIR=" + cache + "/poetry", "PIPENV_CACHE_DIR=" + cache + "/pipenv", "PDM_CACHE_DIR=" + cache + "/pdm",
		"UV_NO_CONFIG=0", "UV_PYTHON=" + c.Interpreter(),
	}, env...)...)
}

// write writes a file of the project.
func (m *move) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read returns a file of the project.
func (m *move) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// uninstall removes the project's environment.
func (m *move) uninstall(t *testing.T) {
	t.Helper()
	for _, name := range []string{".venv", "target"} {
		if err := os.RemoveAll(filepath.Join(m.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// installed fails t unless the project's environment has a version of beta.
func (m *move) installed(t *testing.T, version string) {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(m.dir, ".venv", "lib", "python3*", "site-packages", "beta-*.dist-info"))
	if more, _ := filepath.Glob(filepath.Join(m.dir, "target", "beta-*.dist-info")); len(more) > 0 {
		found = more
	}
	if len(found) != 1 || filepath.Base(found[0]) != "beta-"+version+".dist-info" {
		t.Errorf("installed %q, want beta %s", found, version)
	}
}

// recipe fails t unless the manual's chapter has each of the texts, so that the tests run what it advises.
func recipe(t *testing.T, texts ...string) {
	t.Helper()
	chapter, err := os.ReadFile(filepath.FromSlash("../../../web/help/17-moving.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(string(chapter), text) {
			t.Errorf("the chapter does not have %q", text)
		}
	}
}

// check runs index check-lock over a file of the project, against the network and against the database, and fails t
// unless both print the same and exit with the status.
func (m *move) check(t *testing.T, file string, status int, says ...string) {
	t.Helper()
	path := filepath.Join(m.dir, file)
	network := m.site.Index("check-lock", "--index-url", m.site.With(m.token, "/simple/"), path)
	local := m.site.Index("check-lock", path)
	for _, r := range []clienttest.Result{network, local} {
		if r.Code != status {
			t.Errorf("%s: exit status %d, want %d\n%s%s", r.Command, r.Code, status, r.Stdout, r.Stderr)
		}
		r.Says(t, says...)
	}
	if network.Stdout != local.Stdout {
		t.Errorf("over the network\n%s\nfrom the database\n%s", network.Stdout, local.Stdout)
	}
}
