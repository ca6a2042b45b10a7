package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// The projects of the upstream. Each has a release 1.0 that is years old, and a release 2.0.
const (
	cooling  = "cooling"  // 2.0 is an hour old
	denied   = "denied"   // an administrator denied 2.0
	hostile  = "hostile"  // a feed says that 2.0 is malware
	starting = "starting" // 2.0 has a start-up file
	affected = "affected" // a feed says that 2.0 has a vulnerability
)

var projects = []string{cooling, denied, hostile, starting, affected}

// reason is what an administrator wrote about denied 2.0, advisory the id of the record about hostile 2.0, and
// vulnerability that of the record about affected 2.0.
const (
	reason        = "it sends keys away"
	advisory      = "MAL-2026-4711"
	vulnerability = "GHSA-aaaa-bbbb-cccc"
)

// world is an index that draws on an upstream. Each client has a repository of its own, which begins without rules.
type world struct {
	t      *testing.T
	up     *upstreamtest.Server
	server *clienttest.Server
	token  string
	wheels map[string]packagingtest.File // by project and version
}

// newWorld starts an index on the stores of the test run.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := newUpstream(t)
	w.server = clienttest.Serve(t, clienttest.Options{Env: []string{w.settings()}})
	w.people()
	return w
}

// newUpstream starts the upstream alone.
func newUpstream(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, up: upstreamtest.New(t, upstreamtest.Options{}), wheels: map[string]packagingtest.File{}}
	for _, p := range projects {
		w.release(packagingtest.Wheel(p, "1.0", "version = 1"), 1000*24*time.Hour)
	}
	w.release(packagingtest.Wheel(cooling, "2.0", "version = 2"), time.Hour)
	w.release(packagingtest.Wheel(denied, "2.0", "version = 2"), 100*24*time.Hour)
	w.release(packagingtest.Wheel(hostile, "2.0", "version = 2"), 100*24*time.Hour)
	w.release(packagingtest.WheelWith(starting, "2.0", "version = 2", [][2]string{{"starting.pth", "import os\n"}}),
		100*24*time.Hour)
	w.release(packagingtest.Wheel(affected, "2.0", "version = 2"), 100*24*time.Hour)
	return w
}

// settings returns the environment setting of an index whose pages of the upstream are asked for again after a second.
func (w *world) settings() string {
	w.t.Helper()
	config := filepath.Join(w.t.TempDir(), "index.toml")
	text := fmt.Sprintf("[[upstreams]]\nname = \"public\"\nurl = %q\nallow_private = true\nttl = \"1s\"\n"+
		"negative_ttl = \"1s\"\nstale_while_revalidate = \"0s\"\n", w.up.URL())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return "INDEX_CONFIG=" + config
}

// people adds an administrator with a token.
func (w *world) people() {
	w.t.Helper()
	w.server.User("alice", true)
	w.token = w.server.Token("alice")
}

// release adds a file to the upstream that was uploaded some time ago.
func (w *world) release(f packagingtest.File, age time.Duration) {
	w.t.Helper()
	w.wheels[f.Project+"=="+f.Version] = f
	w.up.Add(f)
	w.up.Change(f.Project, func(p *upstreamtest.Project) {
		p.Files[len(p.Files)-1].Uploaded = time.Now().Add(-age).Truncate(time.Second)
	})
}

// index runs a command of the administrator, which must succeed.
func (w *world) index(args ...string) string {
	w.t.Helper()
	return w.server.Index(args...).OK(w.t).Stdout
}

// decide denies a release, imports a feed, and lets somebody be the first to ask for the release with a start-up file:
// until then nobody can know what is in it.
func (w *world) decide() {
	w.t.Helper()
	w.index("deny", "add", denied+"==2.0", "--reason", reason)
	w.feed()
	first := w.repository(w.t, "first")
	first.cool()
	if status := first.text(starting, "2.0"); !strings.HasPrefix(status, "403 held: startup") {
		w.t.Errorf("the first to ask for a start-up file get %q", status)
	}
}

// feed imports an advisory about malware, and one about a vulnerability.
func (w *world) feed() {
	w.t.Helper()
	dir := w.t.TempDir()
	record := func(id, project string, more map[string]any) {
		record := map[string]any{
			"id": id, "modified": "2026-01-02T03:04:05Z", "affected": []any{map[string]any{
				"package": map[string]string{"ecosystem": "PyPI", "name": project}, "versions": []string{"2.0"},
			}},
		}
		for k, v := range more {
			record[k] = v
		}
		b, err := json.Marshal(record)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, id+".json"), b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	record(advisory, hostile, map[string]any{"summary": "Malicious code in hostile"})
	record(vulnerability, affected, map[string]any{"summary": "A long name is not checked"})
	w.index("feed", "import", dir)
}

// tree is a repository of the world, for one client.
type tree struct {
	*world
	name string
}

// repository adds a repository that draws on the upstream and has no rules yet.
func (w *world) repository(t *testing.T, name string) *tree {
	t.Helper()
	w.index("repository", "add", name, "--base", "upstream:public", "--startup-files", "allow")
	own := *w
	own.t = t
	return &tree{&own, name}
}

// cool turns on the rules of the repository.
func (w *tree) cool() {
	w.t.Helper()
	w.index("repository", "set", w.name, "--cooldown", "72h", "--startup-files", "known")
}

// simple is the URL that a client is given, with the token.
func (w *tree) simple() string { return w.server.With(w.token, "/r/"+w.name+"/simple/") }

// root is the same URL without the token.
func (w *tree) root() string { return w.server.URL + "/r/" + w.name + "/simple/" }

// page is the address of the page about a held release, as clients print it.
func (w *tree) page(project string) string {
	return w.server.URL + "/r/" + w.name + "/held/" + project + "/2.0/"
}

// text asks for the file of a release and returns the reason phrase of the answer.
func (w *tree) text(project, version string) string {
	w.t.Helper()
	var page struct {
		Files []struct{ Filename, URL string }
	}
	r := w.get("/r/" + w.name + "/simple/" + project + "/")
	if err := json.Unmarshal([]byte(r.body), &page); err != nil {
		w.t.Fatalf("the page of %s: %v: %s", project, err, r.body)
	}
	for _, f := range page.Files {
		if f.Filename == w.wheels[project+"=="+version].Name {
			return w.get(f.URL).status
		}
	}
	w.t.Fatalf("the page of %s does not list %s: %s", project, version, r.body)
	return ""
}

type answer struct{ status, body string }

// get asks for a path with the token.
func (w *tree) get(path string) answer {
	w.t.Helper()
	return w.getAs(path, "application/vnd.pypi.simple.v1+json, */*;q=0.1")
}

// getAs asks for a type of content.
func (w *tree) getAs(path, accept string) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.server.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	r.SetBasicAuth("__token__", w.token)
	res, err := w.server.HTTP.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res.Status, string(body)}
}

// installed reads the distributions in a folder: name and version of each .dist-info.
func installed(t *testing.T, pattern string) map[string]string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern, "*.dist-info"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range found {
		name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".dist-info"), "-")
		out[name] = version
	}
	return out
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
