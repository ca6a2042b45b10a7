package remote_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/remote"
)

const (
	jsonType = "application/vnd.pypi.simple.v1+json"
	digestA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// pages is an index whose answers are given by path. A path that ends in "/" is HTML unless it begins with "{".
type pages struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // paths with the Authorization
}

func serve(t *testing.T, answers map[string]string) *pages {
	t.Helper()
	p := &pages{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.URL.String()+" "+r.Header.Get("Authorization"))
		p.mu.Unlock()
		text, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		text = strings.ReplaceAll(text, "HOST", "http://"+r.Host)
		switch {
		case strings.HasPrefix(text, "{"):
			w.Header().Set("Content-Type", jsonType)
		case strings.HasSuffix(r.URL.Path, "/"):
			w.Header().Set("Content-Type", "text/html")
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pages) requests() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.asked, "\n") + "\n"
}

func simple(t *testing.T, o remote.SimpleOptions) *remote.Simple {
	t.Helper()
	o.Wait = func(context.Context, time.Duration) error { return nil }
	s, err := remote.NewSimple(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func at(url string) remote.SimpleOptions {
	return remote.SimpleOptions{Options: remote.Options{URL: url}}
}

func read(s transfer.Source) (map[string]transfer.Project, error) {
	out := map[string]transfer.Project{}
	for p, err := range s.Projects(context.Background(), nil) {
		if err != nil {
			return out, err
		}
		out[p.Name.String()] = p
	}
	return out, nil
}

func mustRead(t *testing.T, s transfer.Source) map[string]transfer.Project {
	t.Helper()
	out, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func notes(s transfer.Source) string {
	var b strings.Builder
	for _, n := range s.Notes() {
		fmt.Fprintf(&b, "%s: %s\n", n.Kind, n.Text)
	}
	return b.String()
}

func says(t *testing.T, s transfer.Source, want ...string) {
	t.Helper()
	for _, w := range want {
		if text := notes(s); !strings.Contains(text, w) {
			t.Errorf("the notes lack %q:\n%s", w, text)
		}
	}
}

func list(names ...string) string {
	var parts []string
	for _, n := range names {
		parts = append(parts, `{"name": "`+n+`"}`)
	}
	return `{"meta": {"api-version": "1.1"}, "projects": [` + strings.Join(parts, ",") + `]}`
}

func page(name, more string, files ...string) string {
	return `{"meta": {"api-version": "1.4"}, "name": "` + name + `", ` + more + ` "files": [` + strings.Join(files, ",") +
		`]}`
}

// TestSimpleCarriesWhatPagesState: times, sizes, digests, yanks, requires-python, status and provenance.
func TestSimpleCarriesWhatPagesState(t *testing.T) {
	index := serve(t, map[string]string{
		"/own/simple/": list("acme", "Zeta"),
		"/own/simple/acme/": page("acme", `"project-status": {"status": "archived", "reason": "old"},`,
			`{"filename": "acme-1.0.tar.gz", "url": "../../files/acme-1.0.tar.gz", "hashes": {"sha256": "`+digestA+
				`"}, "size": 7,
			"upload-time": "2020-01-02T03:04:05.678901Z", "yanked": "broken", "requires-python": ">=3.8",
			"provenance": "HOST/own/integrity/acme"}`,
			`{"filename": "acme-1.0-py3-none-any.whl", "url": "HOST/own/files/w.whl?signature=x", "hashes": {},
			"core-metadata": {"sha256": "`+digestB+`"}}`),
		"/own/simple/zeta/":          `<!DOCTYPE html><html><title>Links for zeta</title><a href="../../files/zeta-2.zip">zeta-2.zip</a></html>`,
		"/own/files/acme-1.0.tar.gz": "archive",
		"/own/files/w.whl":           "wheel",
		"/own/integrity/acme":        `{"version": 1}`,
	})
	s := simple(t, at(index.URL+"/own/simple"))
	got := mustRead(t, s)
	acme := got["acme"]
	if len(got) != 2 || acme.Status != "archived" || acme.StatusReason != "old" || len(acme.Files) != 2 {
		t.Fatalf("projects %+v", got)
	}
	want := []transfer.File{{
		Place:          index.URL + "/own/files/acme-1.0.tar.gz",
		Filename:       "acme-1.0.tar.gz",
		Version:        "1.0",
		Size:           7,
		Hashes:         map[string]string{"sha256": digestA},
		UploadedAt:     time.Date(2020, 1, 2, 3, 4, 5, 678901000, time.UTC),
		TimeTrust:      transfer.Stated,
		Yanked:         true,
		YankedReason:   "broken",
		RequiresPython: ">=3.8",
		Provenance:     true,
	}, {
		Place:          index.URL + "/own/files/w.whl",
		Filename:       "acme-1.0-py3-none-any.whl",
		Version:        "1.0",
		Size:           -1,
		MetadataSHA256: digestB,
	}}
	if diff := cmp.Diff(want, acme.Files); diff != "" {
		t.Error(diff)
	}
	for i, content := range []string{"archive", "wheel"} {
		in, err := s.Open(t.Context(), acme.Files[i])
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(in); err != nil || string(b) != content {
			t.Errorf("content %q, %v", b, err)
		}
		_ = in.Close()
	}
	if b, err := s.Provenance(t.Context(), acme.Files[0]); err != nil || string(b) != `{"version": 1}` {
		t.Errorf("provenance %q, %v", b, err)
	}
	if b, err := s.Provenance(t.Context(), acme.Files[1]); err != nil || b != nil {
		t.Errorf("provenance of a file without one: %q, %v", b, err)
	}
	if !strings.Contains(index.requests(), "/own/files/w.whl?signature=x") {
		t.Errorf("the signature of the URL was lost:\n%s", index.requests())
	}
	says(t, s, "times: 2 files have no upload time on the pages")
	if a := s.About(); a.Kind != "simple" || a.Upstream != "" || a.Location != index.URL+"/own/simple/" {
		t.Errorf("About() = %+v", a)
	}
}

// TestFilesLieBelowTheIndex: a file is taken only if its URL lies below the index that was asked, or below a URL that
// was named.
func TestFilesLieBelowTheIndex(t *testing.T) {
	other := serve(t, map[string]string{"/pool/acme-3.zip": "other"})
	index := serve(t, map[string]string{
		"/r/own/simple/": list("acme"),
		"/r/own/simple/acme/": page("acme", "",
			`{"filename": "acme-1.zip", "url": "/r/own/packages/acme-1.zip", "hashes": {}}`,
			`{"filename": "acme-2.zip", "url": "/r/other/packages/acme-2.zip", "hashes": {}}`,
			`{"filename": "acme-3.zip", "url": "`+other.URL+`/pool/acme-3.zip", "hashes": {}}`,
			`{"filename": "acme-4.zip", "url": "/r/own/%2e%2e/other/acme-4.zip", "hashes": {}}`,
			`{"filename": "acme-5.zip", "url": "/r/own/x%2f..%2f..%2fother/acme-5.zip", "hashes": {}}`,
			`{"filename": "acme-6.zip", "url": "HOST.example/r/own/acme-6.zip", "hashes": {}}`,
			`{"filename": "acme-7.zip", "url": "/r/ownother/acme-7.zip", "hashes": {}}`),
	})
	for from, want := range map[string]string{"": "1", other.URL + "/pool": "1 3"} {
		o := at(index.URL + "/r/own/simple/")
		if from != "" {
			o.FilesFrom = []string{from}
		}
		s := simple(t, o)
		var taken []string
		for _, f := range mustRead(t, s)["acme"].Files {
			number := strings.Trim(f.Filename, "acme-.zip")
			if f.Problem == "" {
				taken = append(taken, number)
				continue
			}
			if !strings.Contains(f.Problem, "not below "+index.URL+"/r/own/") {
				t.Errorf("%s: problem %q", f.Filename, f.Problem)
			}
			if _, err := s.Open(t.Context(), f); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s was opened: %v", f.Filename, err)
			}
		}
		if got := strings.Join(taken, " "); got != want {
			t.Errorf("with --files-from %q the files %s are taken, want %s", from, got, want)
		}
		says(t, s, "skipped: files elsewhere than below "+index.URL+"/r/own/ are not imported")
	}
	if strings.Contains(other.requests(), "pool") {
		t.Error("a file elsewhere was asked for")
	}
}

// TestCredentialGoesToTheSourceOnly: not to a host that a page or a redirect names.
func TestCredentialGoesToTheSourceOnly(t *testing.T) {
	other := serve(t, map[string]string{"/acme-1.zip": "content"})
	index := serve(t, map[string]string{
		"/simple/":      list("acme"),
		"/simple/acme/": page("acme", "", `{"filename": "acme-1.zip", "url": "`+other.URL+`/acme-1.zip", "hashes": {}}`),
	})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := simple(t, remote.SimpleOptions{
		Options:   remote.Options{URL: index.URL + "/simple/", TokenFile: token},
		FilesFrom: []string{other.URL},
	})
	in, err := s.Open(t.Context(), mustRead(t, s)["acme"].Files[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	if got := index.requests(); strings.Count(got, "Bearer hunter2") != 2 {
		t.Errorf("requests to the source:\n%s", got)
	}
	if got := other.requests(); strings.Contains(got, "hunter2") || !strings.Contains(got, "acme-1.zip") {
		t.Errorf("requests to another host:\n%s", got)
	}
}

// TestDevpiIsRefused: a stage lists its bases and whole mirrors, which would become projects of this index.
func TestDevpiIsRefused(t *testing.T) {
	if _, err := remote.NewSimple(at("https://devpi.example/root/prod/+simple/")); err == nil ||
		!strings.Contains(err.Error(), "index import devpi DIR") {
		t.Errorf("the pages of devpi: %v", err)
	}
	for _, link := range []string{"../../+f/abc/123/foo-1.0.zip", "../../../root/mirror/+e/https_x/foo-1.0.zip"} {
		index := serve(t, map[string]string{
			"/root/prod/simple/":     list("foo"),
			"/root/prod/simple/foo/": `<!DOCTYPE html><html><title>foo</title><a href="` + link + `">foo-1.0.zip</a></html>`,
		})
		if _, err := read(simple(t, at(index.URL+"/root/prod/simple/"))); !fault.Is(err, fault.Invalid) ||
			!strings.Contains(err.Error(), "index import devpi DIR") {
			t.Errorf("%s: %v", link, err)
		}
	}
}

// TestFilesOfAnUpstreamOfAnotherIndexAreNotTaken: another Index lists the files of its upstreams on its pages too,
// under the upstream's name in place of a digest.
func TestFilesOfAnUpstreamOfAnotherIndexAreNotTaken(t *testing.T) {
	hex60 := digestA[:60]
	index := serve(t, map[string]string{
		"/simple/": list("acme"),
		"/simple/acme/": page("acme", "",
			`{"filename": "acme-1.zip", "url": "/packages/`+digestA+`/acme-1.zip", "hashes": {}}`,
			`{"filename": "acme-2.zip", "url": "/packages/public/aa/bb/`+hex60+`/acme-2.zip", "hashes": {}}`,
			`{"filename": "acme-3.zip", "url": "/packages/public/-/`+digestA[:32]+`/acme-3.zip", "hashes": {}}`,
			`{"filename": "acme-4.zip", "url": "/packages/acme/acme-4.zip", "hashes": {}}`),
	})
	s := simple(t, at(index.URL+"/simple/"))
	for _, f := range mustRead(t, s)["acme"].Files {
		theirs := f.Filename == "acme-2.zip" || f.Filename == "acme-3.zip"
		if theirs != (f.Problem == "the index has it from its upstream public") {
			t.Errorf("%s: problem %q", f.Filename, f.Problem)
		}
	}
	says(t, s, "files that the index has from an upstream are not imported (2): acme-2.zip, acme-3.zip")
}

func TestOptionsOfSimple(t *testing.T) {
	for _, test := range []struct {
		o    remote.SimpleOptions
		want string
	}{
		{at("https://me:hunter2@host.example/simple/"), "--password-file"},
		{at("ftp://host.example/"), "not an http or https URL"},
		{at("/var/files"), "not an http or https URL"},
		{at("https://"), "not an http or https URL"},
		{at("https://host.example/simple/?x=y"), "has a query"},
		{remote.SimpleOptions{Options: remote.Options{URL: "https://h.example/", PasswordFile: "x"}}, "needs a user name"},
		{remote.SimpleOptions{Options: remote.Options{URL: "https://h.example/", Username: "u", TokenFile: "x"}}, "not both"},
		{
			remote.SimpleOptions{
				Options: remote.Options{URL: "https://h.example/"}, FilesFrom: []string{"https://u:p@x.example/"},
			},
			"--files-from",
		},
		{remote.SimpleOptions{Options: remote.Options{URL: "https://h.example/"}, FilesFrom: []string{"/x"}}, "--files-from"},
	} {
		_, err := remote.NewSimple(test.o)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.want) ||
			strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v, want %s", test.o, err, test.want)
		}
	}
}

// TestFailuresOfASource: an answer that is none is never an empty index, and says what to do.
func TestFailuresOfASource(t *testing.T) {
	for answer, want := range map[string]string{
		"401": "--token-file", "403": "--token-file", "500": "500", "sign in": "not a list", "{}": "cannot be used",
	} {
		index := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			var status int
			if _, err := fmt.Sscanf(answer, "%d", &status); err == nil {
				w.WriteHeader(status)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			if answer == "{}" {
				w.Header().Set("Content-Type", jsonType)
			}
			fmt.Fprint(w, strings.ReplaceAll(answer, "sign in", "<!DOCTYPE html><html><title>Sign in</title></html>"))
		}))
		got, err := read(simple(t, at(index.URL+"/simple/")))
		if err == nil || !strings.Contains(err.Error(), want) || len(got) > 0 {
			t.Errorf("%s: %v, want %s", answer, err, want)
		}
		index.Close()
	}
}

// TestPassingFailuresAreTriedAgain: a server that is busy once does not end an import.
func TestPassingFailuresAreTriedAgain(t *testing.T) {
	var n atomic.Int32
	index := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", jsonType)
		if r.URL.Path == "/simple/" {
			fmt.Fprint(w, list("acme"))
			return
		}
		fmt.Fprint(w, page("acme", ""))
	}))
	defer index.Close()
	if got := mustRead(t, simple(t, at(index.URL+"/simple/"))); len(got) != 1 {
		t.Errorf("projects %v", got)
	}
}

// TestIndexWithoutAList: the projects that were named are asked for.
func TestIndexWithoutAList(t *testing.T) {
	index := serve(t, map[string]string{
		"/simple/acme/": page("acme", "", `{"filename": "acme-1.zip", "url": "acme-1.zip", "hashes": {}}`),
	})
	if _, err := read(simple(t, at(index.URL+"/simple/"))); !fault.Is(err, fault.NotFound) ||
		!strings.Contains(err.Error(), "name them by --project") {
		t.Errorf("an index without a list: %v", err)
	}
	o := at(index.URL + "/simple/")
	for _, name := range []string{"acme", "missing"} {
		n, err := packaging.ParseProjectName(name)
		if err != nil {
			t.Fatal(err)
		}
		o.Names = append(o.Names, n)
	}
	s := simple(t, o)
	if got := mustRead(t, s); len(got) != 1 || len(got["acme"].Files) != 1 {
		t.Errorf("projects %v", got)
	}
	says(t, s, "projects that are listed but have no page (1): missing", "only those of --project")
}

func TestProjectsComeInOrder(t *testing.T) {
	answers := map[string]string{}
	var names []string
	for i := range 40 {
		name := fmt.Sprintf("p%02d", (i*7)%40)
		names = append(names, name, strings.ToUpper(name))
		answers["/simple/"+name+"/"] = page(name, "")
	}
	answers["/simple/"] = list(names...)
	s, last, count := simple(t, at(serve(t, answers).URL+"/simple/")), "", 0
	for p, err := range s.Projects(t.Context(), func(n packaging.ProjectName) bool { return n.String() != "p03" }) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Name.String() <= last || p.Name.String() == "p03" {
			t.Errorf("%s after %s", p.Name, last)
		}
		last = p.Name.String()
		if count++; count == 30 {
			break
		}
	}
	if count != 30 {
		t.Errorf("%d projects", count)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for p, err := range s.Projects(ctx, nil) {
		cancel()
		if err != nil && p.Name.IsZero() {
			return
		}
	}
	t.Error("an interrupt does not end the source")
}

// TestMissingFile: a file that is listed and not there is fault.NotFound, one that is longer than stated an error.
func TestMissingFile(t *testing.T) {
	index := serve(t, map[string]string{
		"/simple/": list("acme"),
		"/simple/acme/": page("acme", "", `{"filename": "acme-1.zip", "url": "acme-1.zip", "hashes": {}}`,
			`{"filename": "acme-2.zip", "url": "acme-2.zip", "hashes": {}, "size": 3}`),
		"/simple/acme/acme-2.zip": "four",
	})
	s := simple(t, at(index.URL+"/simple/"))
	files := mustRead(t, s)["acme"].Files
	// files below the pages are below the index too
	if _, err := s.Open(t.Context(), files[0]); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing file: %v", err)
	}
	if in, err := s.Open(t.Context(), files[1]); err == nil {
		if b, err := io.ReadAll(in); err == nil {
			t.Errorf("a file that is too long: %q", b)
		}
		_ = in.Close()
	}
}
