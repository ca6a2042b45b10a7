package replicas_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/clienttest"
)

// TestMigrate moves an index of SQLite and a folder to PostgreSQL and a bucket and back, while it is served and
// uploaded to: what was answered with 200 is at the new place, and what came too late was refused.
func TestMigrate(t *testing.T) {
	t.Parallel()
	s := &site{t: t, http: &http.Client{Timeout: time.Minute}, balancer: newBalancer(t)}
	bucket := clienttest.S3(t)
	big := config(t, "data_dir = %q\n[database]\nurl = %q\n[storage]\nurl = %q\n", t.TempDir(),
		strings.TrimPrefix(clienttest.Postgres(t), "INDEX_DATABASE_URL="),
		strings.TrimPrefix(bucket[0], "INDEX_STORAGE_URL="))
	small := config(t, "data_dir = %q\n", filepath.Join(t.TempDir(), "back"))

	first := clienttest.Serve(t, clienttest.Options{OwnStores: true, Env: bucket[1:]})
	first.User("alice", true)
	s.token = first.Token("alice")
	done := moveWhileUploading(s, first, big, "one")
	second := clienttest.Serve(t,
		clienttest.Options{OwnStores: true, Env: bucket[1:], Args: []string{"--config", big}, DataDir: t.TempDir()})
	s.lists(second.URL, done)

	r := second.Index("--config", big, "migrate", "--to", small).OK(t)
	if !strings.Contains(r.Stdout, "no longer accepts changes") {
		t.Errorf("index migrate back says\n%s", r.Stdout)
	}
	third := clienttest.Serve(t, clienttest.Options{OwnStores: true, DataDir: dataDir(t, small)})
	s.lists(third.URL, done)
	if a, err := s.upload(third.URL, wheel("one", 9000)); err != nil || a.status != http.StatusOK {
		t.Errorf("upload to the last place = %d %s, %v", a.status, a.body, err)
	}
	for i, old := range []*clienttest.Server{first, second} {
		if a, err := s.upload(old.URL, wheel("one", 9001)); err != nil || a.status != http.StatusServiceUnavailable ||
			!strings.Contains(string(a.body), "moved") {
			t.Errorf("upload to place %d, which was moved = %d %s, %v, want 503", i, a.status, a.body, err)
		}
	}
}

// moveWhileUploading runs the move beside senders, and returns the names of what was answered with 200.
func moveWhileUploading(s *site, from *clienttest.Server, to, project string) map[string]bool {
	s.t.Helper()
	var mu sync.Mutex
	done, stop := map[string]bool{}, make(chan struct{})
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				f := wheel(project, i*1000+n)
				if a, err := s.upload(from.URL, f); err == nil && a.status == http.StatusOK {
					mu.Lock()
					done[f.Name] = true
					mu.Unlock()
				} else if err == nil && a.status != http.StatusServiceUnavailable {
					s.t.Errorf("upload during the move = %d %s", a.status, a.body)
				} else {
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
	time.Sleep(time.Second)
	from.Index("migrate", "--to", to).OK(s.t)
	close(stop)
	all.Wait()
	if len(done) < 10 {
		s.t.Errorf("only %d uploads were answered with 200", len(done))
	}
	return done
}

// lists fails unless the project lists and gives exactly the files of done.
func (s *site) lists(at string, done map[string]bool) {
	s.t.Helper()
	p, err := s.read(at, "one")
	if err != nil {
		s.t.Fatal(err)
	}
	if len(p.Files) != len(done) {
		s.t.Errorf("%s lists %d files, and %d uploads were answered with 200", at, len(p.Files), len(done))
	}
	for _, f := range p.Files {
		f.URL = at + f.URL[strings.Index(f.URL, "/packages/"):]
		if !done[f.Filename] {
			s.t.Errorf("%s lists %s, which was not answered with 200", at, f.Filename)
		}
		if err := firstError(s.same(f.URL, f.Hashes["sha256"]),
			s.same(f.URL+".metadata", f.CoreMetadata["sha256"])); err != nil {
			s.t.Error(err)
		}
	}
}

// config writes a configuration and returns its path.
func config(t *testing.T, format string, args ...any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dataDir is the folder that a configuration of config names.
func dataDir(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"`)
	dir, _, _ := strings.Cut(rest, `"`)
	return dir
}
