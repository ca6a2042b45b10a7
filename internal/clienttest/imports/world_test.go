package imports

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// index is a server with an administrator, and a token that may read everything.
type index struct {
	*clienttest.Server
	t     *testing.T
	token string
}

func serve(t *testing.T, args ...string) *index {
	t.Helper()
	s := clienttest.Serve(t, clienttest.Options{Args: args})
	s.User("admin", true)
	return &index{Server: s, t: t, token: s.Token("admin")}
}

// summary is what an import says in JSON.
type summary struct {
	Added       int
	NewProjects int `json:"new_projects"`
	Present     int
	Refused     int
	Conflicts   int
	Failed      int
	Notes       []struct{ Kind, Text, Command string }
}

// imports runs index import, which must succeed.
func (x *index) imports(args ...string) summary {
	x.t.Helper()
	r := x.Index(append([]string{"import"}, append(args, "--json")...)...).OK(x.t)
	var s summary
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		x.t.Fatalf("%s: %v\n%s", r.Command, err, r.Stdout)
	}
	return s
}

// verify runs index import verify, which must find no difference.
func (x *index) verify(args ...string) {
	x.t.Helper()
	x.Index(append([]string{"import", "verify"}, args...)...).OK(x.t)
}

// file is a file of a simple page.
type file struct {
	Filename   string
	Hashes     map[string]string
	UploadTime time.Time `json:"upload-time"`
	Yanked     any
}

// page returns the files of a project by name, from the simple page in a repository's tree such as "" or "/r/team".
func (x *index) page(tree, project string) map[string]file {
	x.t.Helper()
	r, err := http.NewRequest(http.MethodGet, x.With(x.token, tree+"/simple/"+project+"/"), nil)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.pypi.simple.v1+json")
	resp, err := x.HTTP.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return nil
	}
	var p struct{ Files []file }
	if err := json.Unmarshal(b, &p); err != nil || resp.StatusCode != http.StatusOK {
		x.t.Fatalf("page of %s: %d, %v\n%s", project, resp.StatusCode, err, b)
	}
	out := map[string]file{}
	for _, f := range p.Files {
		out[f.Filename] = f
	}
	return out
}

// installs installs a project with pip and nothing but this index, and looks for a line that its module has.
func (x *index) installs(tree, requirement, module, content string) {
	x.t.Helper()
	target := x.t.TempDir()
	clienttest.NewestPip(x.t).Run(x.t, target, "install", "--target", target, "--no-deps", "--index-url",
		x.With(x.token, tree+"/simple/"), requirement).OK(x.t)
	b, err := os.ReadFile(filepath.Join(target, module))
	if err != nil || !strings.Contains(string(b), content) {
		x.t.Errorf("%s: %s is %q, %v, want %s", requirement, module, b, err, content)
	}
}

// write writes distributions into a folder and returns their paths.
func write(t *testing.T, dir string, files ...packagingtest.File) []string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range files {
		p := filepath.Join(dir, f.Name)
		if err := os.WriteFile(p, f.Bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

// upload uploads distributions with twine.
func upload(t *testing.T, url, user, password string, files ...packagingtest.File) {
	t.Helper()
	args := append([]string{"upload", "--disable-progress-bar", "--repository-url", url},
		write(t, t.TempDir(), files...)...)
	clienttest.Twine(t).Set("TWINE_USERNAME="+user, "TWINE_PASSWORD="+password).Run(t, t.TempDir(), args...).OK(t)
}

// same fails the test unless a page has the files with their digests and no others.
func same(t *testing.T, page map[string]file, files ...packagingtest.File) {
	t.Helper()
	if len(page) != len(files) {
		t.Errorf("the page has %d files, want %d: %v", len(page), len(files), page)
	}
	for _, f := range files {
		if got := page[f.Name].Hashes["sha256"]; got != f.SHA256() {
			t.Errorf("%s has the digest %q, want %s", f.Name, got, f.SHA256())
		}
	}
}
