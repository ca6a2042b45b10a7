package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// site is a server with one administrator and a token of each scope.
type site struct {
	*clienttest.Server
	admin, upload, read string
}

func open(t *testing.T, o clienttest.Options) *site {
	t.Helper()
	s := &site{Server: clienttest.Serve(t, o)}
	s.User("alice", true)
	s.admin = s.Token("alice", "--scope", "admin")
	s.upload = s.Token("alice", "--scope", "upload")
	s.read = s.Token("alice", "--scope", "read")
	return s
}

// legacy is where publishing clients are pointed, without credentials.
func (s *site) legacy() string { return s.URL + "/legacy/" }

// simple is where installers are pointed, with the reading token in it.
func (s *site) simple() string { return s.With(s.read, "/simple/") }

// get answers a GET with the reading token.
func (s *site) get(t *testing.T, path, accept string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest("GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("__token__", s.read)
	r.Header.Set("Accept", accept)
	answer, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return answer, body
}

// listing is the part of a project's JSON page that the tests look at.
type listing struct {
	Files []struct {
		Filename string
		URL      string
		Size     int64
		Hashes   map[string]string
		Yanked   any
		Metadata any `json:"core-metadata"`
	}
}

// files reads a project's page and returns the path of each file by name. An unknown project has none.
func (s *site) files(t *testing.T, project string) (map[string]string, listing) {
	t.Helper()
	page := "/simple/" + project + "/"
	answer, body := s.get(t, page, "application/vnd.pypi.simple.v1+json")
	if answer.StatusCode == http.StatusNotFound {
		return nil, listing{}
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s = %s\n%s", page, answer.Status, body)
	}
	var l listing
	if err := json.Unmarshal(body, &l); err != nil {
		t.Fatalf("GET %s: %v\n%s", page, err, body)
	}
	base, _ := url.Parse(s.URL + page)
	paths := map[string]string{}
	for _, f := range l.Files {
		u, err := base.Parse(f.URL)
		if err != nil {
			t.Fatalf("%s lists %s at %q: %v", page, f.Filename, f.URL, err)
		}
		paths[f.Filename] = strings.TrimPrefix(u.String(), s.URL)
	}
	return paths, l
}

// has fails t unless the project lists the local file under its name and gives back its very bytes.
func (s *site) has(t *testing.T, project, local string) {
	t.Helper()
	s.gives(t, project, filepath.Base(local), sum(t, local))
}

// gives fails t unless the project lists a file of this name and digest, and its bytes have that digest.
func (s *site) gives(t *testing.T, project, name, want string) {
	t.Helper()
	paths, l := s.files(t, project)
	if paths[name] == "" {
		t.Errorf("%s is not listed for %s: %+v", name, project, l.Files)
		return
	}
	for _, f := range l.Files {
		if f.Filename == name && f.Hashes["sha256"] != want {
			t.Errorf("sha256 of %s on its page = %q, want %q", name, f.Hashes["sha256"], want)
		}
	}
	answer, body := s.get(t, paths[name], "*/*")
	if answer.StatusCode != http.StatusOK {
		t.Errorf("GET %s = %s", paths[name], answer.Status)
		return
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(body)); got != want {
		t.Errorf("sha256 of %s as served = %s, want %s", name, got, want)
	}
}

// sum is the sha256 of a local file in hex.
func sum(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// publish puts distributions on the index with twine, for tests that are about something else.
func (s *site) publish(t *testing.T, files ...string) {
	t.Helper()
	twine(t, s, s.upload, "", files...).OK(t)
}

// trusting is the client with the site's authority in the variable that it reads; over plain HTTP there is none.
func (s *site) trusting(variable string, c *clienttest.Client) *clienttest.Client {
	if s.CA == "" {
		return c
	}
	return c.Set(variable + "=" + s.CA)
}
