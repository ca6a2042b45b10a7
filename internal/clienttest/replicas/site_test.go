package replicas_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// site is three replicas behind a balancer.
type site struct {
	t        *testing.T
	rows     *cluster
	balancer *balancer
	replicas []*clienttest.Server
	token    string
	http     *http.Client
}

// newSite starts everything; the replicas start at once on an empty database. env is more settings for each.
func newSite(t *testing.T, env ...string) *site {
	t.Helper()
	s := &site{t: t, rows: newCluster(t), balancer: newBalancer(t), http: &http.Client{Timeout: time.Minute}}
	env = append(append(env, clienttest.S3(t)...), "INDEX_DATABASE_URL="+s.rows.url())
	s.replicas = make([]*clienttest.Server, 3)
	var all sync.WaitGroup
	for i := range s.replicas {
		all.Go(func() {
			s.replicas[i] = clienttest.Serve(t, clienttest.Options{OwnStores: true, Race: true, Env: env, Args: []string{
				"--base-url", s.balancer.URL, "--trusted-proxies", "127.0.0.1/32", "--drain-timeout", "5s",
			}})
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, r := range s.replicas {
		s.balancer.join(t, r.URL)
	}
	s.replicas[0].User("alice", true)
	s.token = s.replicas[0].Token("alice")
	return s
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *site) do(r *http.Request, token string) (answer, error) {
	if token != "" {
		r.SetBasicAuth("__token__", token)
	}
	w, err := s.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	return answer{w.StatusCode, w.Header, body}, err
}

func (s *site) get(address string) (answer, error) {
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, */*;q=0.1")
	return s.do(r, s.token)
}

func (s *site) upload(at string, f packagingtest.File) (answer, error) {
	body, contentType := f.Form()
	r, err := http.NewRequest("POST", at+"/legacy/", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", contentType)
	return s.do(r, s.token)
}

// page is what a project's page lists: digest and address by file name.
type page struct {
	Files []struct {
		Filename, URL string
		Hashes        map[string]string
		CoreMetadata  map[string]string `json:"core-metadata"`
	}
}

// read returns the page of a project at an address, and what went wrong. An unknown project has an empty one.
func (s *site) read(at, project string) (page, error) {
	var p page
	a, err := s.get(at + "/simple/" + project + "/")
	if err != nil || a.status == http.StatusNotFound {
		return p, err
	}
	if a.status != http.StatusOK {
		return p, status(a.status)
	}
	return p, json.Unmarshal(a.body, &p)
}

// status is an answer that was not what was wanted.
type status int

func (s status) Error() string { return fmt.Sprintf("status %d", int(s)) }

// whole fetches a listed file and its metadata from a replica and says where they differ from what is listed.
func (s *site) whole(at string, p page, name string) error {
	for _, f := range p.Files {
		if f.Filename != name {
			continue
		}
		path := strings.TrimPrefix(f.URL, s.balancer.URL)
		return firstError(s.same(at+path, f.Hashes["sha256"]), s.same(at+path+".metadata", f.CoreMetadata["sha256"]))
	}
	return fmt.Errorf("%s is not listed", name)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// errLost is a result that no failure excuses: listed files that are missing or have other content.
type errLost struct{ what string }

func (e errLost) Error() string { return e.what }

func (s *site) same(address, want string) error {
	a, err := s.get(address)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(a.body)
	switch got := hex.EncodeToString(sum[:]); {
	case a.status == http.StatusNotFound:
		return errLost{address + " is listed and not there"}
	case a.status != http.StatusOK:
		return status(a.status)
	case got != want:
		return errLost{fmt.Sprintf("%s has digest %s and is listed with %s", address, got, want)}
	}
	return nil
}

// wheel is a small distribution.
func wheel(project string, n int) packagingtest.File {
	return packagingtest.Wheel(project, fmt.Sprintf("1.%d", n), strings.Repeat("#", 4<<10)+fmt.Sprint(project, n))
}
