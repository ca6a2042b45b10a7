package replicas_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/clienttest"
)

// TestReadYourWrites checks that after one replica has responded with 200, every other replica lists and serves the
// file at the next request. A token revoked on one replica is rejected by the others.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for n := range 30 {
		from, f := s.replicas[n%3], wheel("demo", n)
		if a, err := s.upload(from.URL, f); err != nil || a.status != http.StatusOK {
			t.Fatalf("upload %d = %d %s, %v", n, a.status, a.body, err)
		}
		for i, r := range s.replicas {
			p, err := s.read(r.URL, "demo")
			if err == nil {
				err = s.whole(r.URL, p, f.Name)
			}
			if err != nil {
				t.Errorf("replica %d after the upload of %s to replica %d: %v", i, f.Name, n%3, err)
			}
		}
	}
	list := s.replicas[1].Index("token", "list").OK(t).Stdout
	id := strings.Fields(strings.Split(list, "\n")[1])[0]
	s.replicas[1].Index("token", "revoke", id).OK(t)
	for i, r := range s.replicas {
		if a, err := s.get(r.URL + "/simple/demo/"); err != nil || a.status != http.StatusUnauthorized {
			t.Errorf("a revoked token at replica %d = %d, %v, want 401", i, a.status, err)
		}
	}
}

// TestClients: the real twine publishes through the balancer, and the real pip and uv install at once, whichever
// replica they reach.
func TestClients(t *testing.T) {
	t.Parallel()
	s := newSite(t, "INDEX_STORAGE_DELIVERY=redirect")
	simple := strings.Replace(s.balancer.URL, "://", "://__token__:"+s.token+"@", 1) + "/simple/"
	files := clienttest.Sample(t, "setuptools", "1.0")
	for _, more := range [][2]string{{"setuptools", "1.1"}, {"hatch", "2.0"}} {
		files = append(files, clienttest.Sample(t, more[0], more[1])...)
	}
	clienttest.Twine(t).Set("TWINE_USERNAME=__token__", "TWINE_PASSWORD="+s.token).Run(t, "", append([]string{
		"upload", "--repository-url", s.balancer.URL + "/legacy/",
	}, files...)...).OK(t)
	for n := range 3 { // once a replica
		target := t.TempDir()
		clienttest.NewestPip(t).Run(t, target, "install", "--no-cache-dir", "--target", target, "--index-url", simple,
			"acme-counter").OK(t)
		if found, _ := filepath.Glob(filepath.Join(target, "acme_greeter-1.1.dist-info")); len(found) != 1 {
			t.Errorf("install %d has no acme-greeter 1.1", n)
		}
	}
	target := t.TempDir()
	uv := clienttest.UV(t)
	uv.Run(t, target, "pip", "install", "--python", uv.Interpreter(), "--target", target, "--index-url", simple,
		"acme-counter").OK(t)
}

// TestOutage checks that replicas continue from memory while the database is down, report this, and reject uploads for
// a while. No upload of that time is partly stored afterwards.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	kept, refused := wheel("demo", 1), wheel("demo", 2)
	if a, err := s.upload(s.balancer.URL, kept); err != nil || a.status != http.StatusOK {
		t.Fatalf("upload = %d %s, %v", a.status, a.body, err)
	}
	warm := func() {
		for _, r := range s.replicas {
			p, err := s.read(r.URL, "demo")
			if err = firstError(err, s.whole(r.URL, p, kept.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	warm()
	s.rows.crash()
	for i, r := range s.replicas {
		p, err := s.read(r.URL, "demo")
		if err = firstError(err, s.whole(r.URL, p, kept.Name)); err != nil {
			t.Errorf("replica %d without a database: %v", i, err)
		}
		a, err := s.get(r.URL + "/simple/demo/")
		if err != nil || !strings.HasPrefix(a.header.Get("Warning"), "110 ") {
			t.Errorf("replica %d without a database does not say so: Warning %q, %v", i, a.header.Get("Warning"), err)
		}
		if a, err := s.get(r.URL + "/readyz"); err != nil || a.status != http.StatusOK ||
			!strings.Contains(string(a.body), "degraded") {
			t.Errorf("/readyz of replica %d without a database = %d %s, %v", i, a.status, a.body, err)
		}
		if a, err := s.get(r.URL + "/simple/never-asked-for/"); err != nil || a.status != http.StatusServiceUnavailable ||
			a.header.Get("Retry-After") == "" {
			t.Errorf("replica %d on what it does not know = %d, Retry-After %q, %v, want 503", i, a.status,
				a.header.Get("Retry-After"), err)
		}
		if a, err := s.upload(r.URL, refused); err != nil || a.status != http.StatusServiceUnavailable ||
			a.header.Get("Retry-After") == "" {
			t.Errorf("upload to replica %d without a database = %d %s, Retry-After %q, %v, want 503", i, a.status, a.body,
				a.header.Get("Retry-After"), err)
		}
	}
	s.rows.start()
	s.until(func() error {
		a, err := s.upload(s.balancer.URL, refused)
		if err == nil && a.status != http.StatusOK {
			err = status(a.status)
		}
		return err
	})
	for i, r := range s.replicas {
		s.until(func() error { // a replica that has not seen the database come back says so with each page
			a, err := s.get(r.URL + "/simple/demo/")
			if err == nil && a.header.Get("Warning") != "" {
				err = errors.New(a.header.Get("Warning"))
			}
			return err
		})
		p, err := s.read(r.URL, "demo")
		if err = firstError(err, s.whole(r.URL, p, refused.Name)); err != nil {
			t.Errorf("replica %d after the database came back: %v", i, err)
		}
	}
}

// until tries f for half a minute.
func (s *site) until(f func() error) {
	s.t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	s.t.Fatalf("after half a minute: %v", err)
}

// TestBridgeEnds checks that a replica without a database stops serving from memory after the configured time.
func TestBridgeEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, "INDEX_DATABASE_BRIDGE=1s")
	if a, err := s.upload(s.balancer.URL, wheel("demo", 1)); err != nil || a.status != http.StatusOK {
		t.Fatalf("upload = %d %s, %v", a.status, a.body, err)
	}
	if _, err := s.read(s.replicas[0].URL, "demo"); err != nil {
		t.Fatal(err)
	}
	s.rows.crash()
	s.until(func() error {
		for _, path := range []string{"/simple/demo/", "/readyz"} {
			if a, err := s.get(s.replicas[0].URL + path); err != nil || a.status != http.StatusServiceUnavailable {
				return fmt.Errorf("%s = %d, %v, want 503", path, a.status, err) //nolint:errorlint // err may be nil
			}
		}
		return nil
	})
	s.rows.start()
	s.until(func() error { _, err := s.read(s.replicas[0].URL, "demo"); return err })
}

const (
	senders  = 4
	readers  = 3
	projects = 5
)

// TestKillParts ends replicas, whichever the balancer points at, and the database in turn, while uploads and installs
// go on. In the end nothing that was answered with 200 is lost, and nothing is listed that is not there, on any
// replica.
func TestKillParts(t *testing.T) {
	s := newSite(t)
	w := &work{site: s, done: map[string]bool{}, sent: map[string]int{}, stop: make(chan struct{})}
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() { w.send(i) })
	}
	for range readers {
		all.Go(w.install)
	}
	for range 2 {
		for _, r := range s.replicas {
			time.Sleep(500 * time.Millisecond)
			r.Kill()
			time.Sleep(500 * time.Millisecond)
			r.Start()
		}
		time.Sleep(500 * time.Millisecond)
		s.rows.crash()
		time.Sleep(time.Second)
		s.rows.start()
		time.Sleep(time.Second)
		s.replicas[s.balancer.next.Load()%3].Stop() // drains
		for _, r := range s.replicas {
			if _, err := s.get(r.URL + "/healthz"); err != nil {
				r.Start()
			}
		}
	}
	close(w.stop)
	all.Wait()
	t.Logf("%d uploads answered with 200, %d tries failed; %d installs, %d that failed", len(w.done), w.failed.Load(),
		w.installs.Load(), w.broken.Load())
	if len(w.done) < 50 || w.failed.Load() == 0 || w.installs.Load() < 50 {
		t.Errorf("too little happened to show anything")
	}
	w.account()
}

// work records the results of the senders.
type work struct {
	*site
	stop                     chan struct{}
	failed, installs, broken atomic.Int64

	mu   sync.Mutex
	done map[string]bool // file name → answered with 200
	sent map[string]int  // project → files begun
}

func (w *work) over() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// send uploads one file after the other, each again until it is answered with 200.
func (w *work) send(i int) {
	for n := 0; ; n++ {
		project := fmt.Sprintf("busy-%d-%d", i, n%projects)
		w.mu.Lock()
		f := wheel(project, w.sent[project])
		w.sent[project]++
		w.mu.Unlock()
		for {
			a, err := w.upload(w.balancer.URL, f)
			if err == nil && a.status == http.StatusOK {
				break
			}
			if err == nil && a.status < 500 {
				w.t.Errorf("upload of %s = %d %s", f.Name, a.status, a.body)
			}
			w.failed.Add(1)
			if w.over() {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		w.mu.Lock()
		w.done[f.Name] = true
		w.mu.Unlock()
		if w.over() {
			return
		}
	}
}

// install reads pages and what they list through the balancer. An answer may fail while parts are down; no answer may
// list what is not there, and whatever is answered with 200 is as listed.
func (w *work) install() {
	for n := 0; !w.over(); n++ {
		p, err := w.read(w.balancer.URL, fmt.Sprintf("busy-%d-%d", n%senders, n%projects))
		if err == nil && len(p.Files) > 0 {
			err = w.whole(w.balancer.URL, p, p.Files[n%len(p.Files)].Filename)
			w.installs.Add(1)
		}
		if lost, ok := errors.AsType[errLost](err); ok {
			w.t.Error(lost)
		}
		if err != nil {
			w.broken.Add(1)
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// account compares the acknowledged uploads with the files that each replica lists and serves.
func (w *work) account() {
	for i, r := range w.replicas {
		listed := map[string]bool{}
		for project := range w.sent {
			p, err := w.read(r.URL, project)
			if err != nil {
				w.t.Fatalf("replica %d: %s: %v", i, project, err)
			}
			for _, f := range p.Files {
				listed[f.Filename] = true
				if err := w.whole(r.URL, p, f.Filename); err != nil {
					w.t.Errorf("replica %d: %v", i, err)
				}
			}
		}
		for name := range w.done {
			if !listed[name] {
				w.t.Errorf("replica %d does not list %s, whose upload was answered with 200", i, name)
			}
		}
	}
}
