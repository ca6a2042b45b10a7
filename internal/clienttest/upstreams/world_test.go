package upstreams

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// world is an index that draws on an upstream: one server, or three replicas behind a balancer.
type world struct {
	t       *testing.T
	up      *upstreamtest.Server
	servers []*clienttest.Server
	url     string // of the server or the balancer
	tree    string // path of the repository that clients are given
	token   string
}

// stores are the two pairs of database and store. The second has three replicas.
var stores = map[string]func(t *testing.T, o clienttest.Options) ([]*clienttest.Server, string){
	"sqlite": func(t *testing.T, o clienttest.Options) ([]*clienttest.Server, string) {
		o.OwnStores = true
		s := clienttest.Serve(t, o)
		return []*clienttest.Server{s}, s.URL
	},
	"replicas": func(t *testing.T, o clienttest.Options) ([]*clienttest.Server, string) {
		o.OwnStores = true
		o.Env = append(append(o.Env, clienttest.S3(t)...), clienttest.Postgres(t),
			"INDEX_UPSTREAM_CACHE_SIZE=1GiB") // a bucket has no size of its own
		b := &balancer{}
		front := httptest.NewServer(b)
		t.Cleanup(front.Close)
		o.Args = append(o.Args, "--base-url", front.URL, "--trusted-proxies", "127.0.0.1/32", "--drain-timeout", "5s")
		servers := make([]*clienttest.Server, 3)
		var all sync.WaitGroup
		for i := range servers {
			all.Go(func() { servers[i] = clienttest.Serve(t, o) })
		}
		all.Wait()
		if t.Failed() {
			t.FailNow()
		}
		for _, s := range servers {
			b.join(t, s.URL)
		}
		return servers, front.URL
	},
}

// balancer passes each request on to the next replica.
type balancer struct {
	next     atomic.Uint64
	replicas []*httputil.ReverseProxy
}

func (b *balancer) join(t *testing.T, address string) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	b.replicas = append(b.replicas, &httputil.ReverseProxy{
		Rewrite:  func(p *httputil.ProxyRequest) { p.SetURL(to); p.SetXForwarded(); p.Out.Host = p.In.Host },
		ErrorLog: log.New(io.Discard, "", 0),
	})
}

// ServeHTTP passes a request on.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.replicas[b.next.Add(1)%uint64(len(b.replicas))].ServeHTTP(w, r)
}

// newWorld serves with --upstream, so that main draws on the upstream.
func newWorld(t *testing.T, pair string, up *upstreamtest.Server) *world {
	t.Helper()
	return start(t, pair, up, clienttest.Options{Args: []string{"--upstream", up.URL(), "--upstream-allow-private"}}, "")
}

// newTeam serves a repository of the configuration file, which draws on main and on an upstream. Pages of the upstream
// are asked for again after a second, and used for a week while it fails. It may be silent for five seconds, and rests
// for one after failures.
func newTeam(t *testing.T, pair string, up *upstreamtest.Server) *world {
	t.Helper()
	config := filepath.Join(t.TempDir(), "index.toml")
	text := fmt.Sprintf(`[[upstreams]]
name = "public"
url = %q
allow_private = true
ttl = "1s"
negative_ttl = "1s"
stale_while_revalidate = "0s"
stale_if_error = "168h"

[[repositories]]
name = "team"
bases = ["main", "upstream:public"]
`, up.URL())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, pair, up, clienttest.Options{Env: []string{
		"INDEX_CONFIG=" + config, "INDEX_UPSTREAM_TIMEOUT=5s", "INDEX_UPSTREAM_REST=1s",
	}}, "/r/team")
}

func start(t *testing.T, pair string, up *upstreamtest.Server, o clienttest.Options, tree string) *world {
	t.Helper()
	w := &world{t: t, up: up, tree: tree}
	w.servers, w.url = stores[pair](t, o)
	w.servers[0].User("alice", true)
	w.token = w.servers[0].Token("alice")
	return w
}

// simple is the one URL that a client is given, with the token.
func (w *world) simple() string {
	return strings.Replace(w.url, "://", "://__token__:"+w.token+"@", 1) + w.tree + "/simple/"
}

// put uploads distributions to main.
func (w *world) put(files ...packagingtest.File) {
	w.t.Helper()
	for _, f := range files {
		body, contentType := f.Form()
		r, err := http.NewRequest(http.MethodPost, w.url+"/legacy/", bytes.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		if a := w.do(r); a.status != http.StatusOK {
			w.t.Fatalf("uploading %s: %d %s", f.Name, a.status, a.body)
		}
	}
}

type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the body
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	r.SetBasicAuth("__token__", w.token)
	c := http.Client{Timeout: time.Minute}
	res, err := c.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body), err}
}

// get asks for a path below the tree, or for a complete path of the server if it begins with the tree.
func (w *world) get(path string) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, */*;q=0.1")
	return w.do(r)
}

// page asks for the page of a project.
func (w *world) page(project string) answer {
	w.t.Helper()
	return w.get(w.tree + "/simple/" + project + "/")
}

// wellKnown starts an upstream with the well-known projects.
func wellKnown(t *testing.T, o upstreamtest.Options) *upstreamtest.Server {
	t.Helper()
	up := upstreamtest.New(t, o)
	for _, p := range clienttest.WellKnown(t) {
		if err := up.AddPath(p.Project, p.Path); err != nil {
			t.Fatal(err)
		}
	}
	return up
}
