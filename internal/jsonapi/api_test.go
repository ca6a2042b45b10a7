package jsonapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/jsonapi"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi/indextest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func call(h http.Handler, request string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func basic(s access.Secret) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("__token__", s.Reveal())
	return r.Header.Get("Authorization")
}

type demo struct {
	*indextest.Site
	project catalog.Project
	files   []catalog.File
	open    http.Handler
}

var core = packaging.Metadata{
	MetadataVersion: "2.4", Name: "De_Mo", Version: "1.0", Summary: "A <demo> & more", Description: "Long\n\ntext \u2028",
	DescriptionContentType: "text/markdown",
	Author:                 "=?utf-8?q?Zo=C3=AB?=", AuthorEmail: "a@example.com", License: "MIT",
	LicenseFiles: []string{"LICENSE"},
	Keywords:     "a,b", HomePage: "https://example.com",
	ProjectURLs:  []string{"Source, https://example.com/src", "broken", "Homepage, https://example.com/home"},
	Classifiers:  []string{"Private :: Do Not Upload"},
	RequiresDist: []string{"x>=1; extra == 'y'"}, ProvidesExtra: []string{"y"}, RequiresPython: ">=3.8,<4",
	Dynamic: []string{"license"}, Platforms: []string{"any", "linux"},
	ImportNames: []string{"de_mo", "de_mo_tools; private"}, ImportNamespaces: []string{"acme"},
}

func newDemo(t testing.TB) *demo {
	d := &demo{Site: indextest.New(t)}
	d.project = d.Project("De_Mo")
	d.files = d.Add(d.project,
		indextest.File{File: catalog.File{
			Filename:      "de_mo-1.0.tar.gz",
			Version:       "1.0",
			Kind:          packaging.SDist,
			PythonVersion: "source",
			MD5:           strings.Repeat("a", 32),
			Blake2b256:    strings.Repeat("b", 64),
			Comment:       "hi",
		}, Content: "sdist"},
		indextest.File{File: catalog.File{
			Filename:       "de_mo-1.0-py3-none-any.whl",
			Version:        "1.0",
			Kind:           packaging.Wheel,
			PythonVersion:  "py3",
			RequiresPython: ">=3.8,<4",
			UploadedAt:     indextest.Start.Add(time.Hour),
		}, Core: core, Content: "wheel", Metadata: "M"},
		indextest.File{
			File: catalog.File{Filename: "de_mo-2.0rc1.tar.gz", Version: "2.0rc1", Kind: packaging.SDist}, Content: "rc",
		},
		indextest.File{File: catalog.File{
			Filename:     "de_mo-3.0.tar.gz",
			Version:      "3.0",
			Kind:         packaging.SDist,
			Yanked:       true,
			YankedReason: `"broken"`,
		}, Content: "yanked"},
		indextest.File{
			File: catalog.File{Filename: "de_mo-0.9+cu.tar.gz", Version: "0.9+cu", Kind: packaging.SDist}, Content: "local",
		},
	)
	d.open = d.Serve("", true,
		jsonapi.New(resolve.New(d.Index, resolve.Options{}), jsonapi.Options{BaseURL: "https://pypi.example.com/"}).Table())
	return d
}

func TestGolden(t *testing.T) {
	d := newDemo(t)
	for file, target := range map[string]string{
		"project.json": "/pypi/de-mo/json", "version.json": "/pypi/de-mo/1.0/json", "yanked.json": "/pypi/de-mo/3.0/json",
	} {
		w := call(d.open, "GET "+target)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "application/json" {
			t.Fatalf("GET %s = %d %s", target, w.Code, got)
		}
		var out bytes.Buffer
		if err := json.Indent(&out, w.Body.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("GET %s (-want +got):\n%s", target, diff)
		}
	}
}

// document is the part of a response that clients read.
type document struct {
	Info struct {
		Version string
		Yanked  bool
	}
	LastSerial      *int64 `json:"last_serial"`
	Releases        map[string][]file
	URLs            []file
	Vulnerabilities []any
}

type file struct{ Filename, URL string }

func read(t *testing.T, w *httptest.ResponseRecorder) document {
	t.Helper()
	var doc document
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return doc
}

func TestVersions(t *testing.T) {
	d := newDemo(t)
	for target, want := range map[string]string{
		"/pypi/de-mo/json": "1.0", "/pypi/de-mo/json/": "1.0", // not yanked, then final, then highest
		"/pypi/de-mo/1.0/json": "1.0", "/pypi/de-mo/1.0/json/": "1.0", "/pypi/de-mo/1.0.0/json": "1.0",
		"/pypi/de-mo/v1/json":       "1.0",
		"/pypi/de-mo/2.0-RC.1/json": "2.0rc1", "/pypi/de-mo/0.9+CU/json": "0.9+cu", "/pypi/de-mo/0.9%2Bcu/json": "0.9+cu",
		"/pypi/de-mo/3.0/json":                                 "3.0",
		"/pypi/de-mo/1." + strings.Repeat("0.", 80) + "0/json": "1.0",
	} {
		for range 2 { // rendered, then kept
			w := call(d.open, "GET "+target)
			doc := read(t, w)
			if doc.Info.Version != want {
				t.Errorf("GET %s is about %s, want %s", target, doc.Info.Version, want)
			}
			if got, want := doc.Releases != nil,
				strings.Count(target, "/") < 4 || strings.HasSuffix(target, "mo/json/"); got != want {
				t.Errorf("GET %s has releases: %v, want %v", target, got, want)
			}
			if doc.LastSerial == nil || w.Header().Get("X-PyPI-Last-Serial") == "" || doc.Vulnerabilities == nil {
				t.Errorf("GET %s lacks a serial or its vulnerabilities", target)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	d := newDemo(t)
	empty := d.Project("empty")
	for target, want := range map[string]int{
		"/pypi/missing/json": 404, "/pypi/missing/1.0/json": 404, "/pypi/de-mo/9.9/json": 404,
		"/pypi/de-mo/nonsense/json": 404,
		"/pypi/-/json":              404, "/pypi/" + empty.Name.String() + "/json": 404, "/pypi/de-mo/1.0/xml": 404,
		"/r/none/pypi/de-mo/json": 401,
	} {
		if w := call(d.open, "GET "+target); w.Code != want {
			t.Errorf("GET %s = %d, want %d", target, w.Code, want)
		}
	}
	d.Change(d.project, func(p *catalog.Project) { p.Status = catalog.Quarantined })
	for _, target := range []string{"/pypi/de-mo/json", "/pypi/de-mo/1.0/json"} {
		if w := call(d.open, "GET "+target, "If-None-Match", "*"); w.Code != 404 {
			t.Errorf("GET %s of a quarantined project = %d, want 404", target, w.Code)
		}
	}
}

func TestClosed(t *testing.T) {
	d := newDemo(t)
	secret := d.Hidden("secret")
	d.Project("hidden", secret)
	h := d.Serve("", false,
		jsonapi.New(resolve.New(d.Index, resolve.Options{}), jsonapi.Options{BaseURL: "https://pypi.example.com"}).Table())
	for _, target := range []string{
		"/pypi/de-mo/json", "/pypi/missing/json", "/pypi/De_Mo/json", "/pypi/de-mo/1.0/json/", "/r/secret/pypi/hidden/json",
	} {
		w := call(h, "GET "+target)
		if w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic") {
			t.Errorf("GET %s without a token = %d %q, want 401 with a challenge", target, w.Code,
				w.Header().Get("WWW-Authenticate"))
		}
	}
	auth := basic(d.Token(access.NoRole, "", ""))
	hidden, missing := call(h, "GET /r/secret/pypi/hidden/json", "Authorization", auth),
		call(h, "GET /r/secret/pypi/absent/json", "Authorization", auth)
	if hidden.Code != 404 || hidden.Body.String() != missing.Body.String() {
		t.Errorf("a hidden project = %d %s, a missing one %d %s", hidden.Code, hidden.Body, missing.Code, missing.Body)
	}
	if w := call(h, "GET /pypi/de-mo/json", "Authorization", auth); w.Code != 200 ||
		!strings.HasPrefix(w.Header().Get("Cache-Control"), "private") {
		t.Errorf("with a token = %d %q, want 200 and private", w.Code, w.Header().Get("Cache-Control"))
	}
}

func TestRedirects(t *testing.T) {
	d := newDemo(t)
	prefixed := d.Serve("/pre", true,
		jsonapi.New(resolve.New(d.Index, resolve.Options{}),
			jsonapi.Options{BaseURL: "https://pypi.example.com/pre/"}).Table())
	for _, tt := range []struct {
		h            http.Handler
		target, want string
	}{
		{d.open, "/pypi/De_Mo/json", "/pypi/de-mo/json"},
		{d.open, "/pypi/De_Mo/json/?a=b", "/pypi/de-mo/json?a=b"},
		{d.open, "/pypi/De.Mo/0.9%2Bcu/json", "/pypi/de-mo/0.9+cu/json"},
		{d.open, "/pypi/De.Mo/a%3Fb%23c/json", "/pypi/de-mo/a%3Fb%23c/json"},
		{d.open, "/r/other/pypi/De_Mo/json", "/r/other/pypi/de-mo/json"},
		{prefixed, "/pre/pypi/De_Mo/json", "/pre/pypi/de-mo/json"},
		{prefixed, "/pre/r/other/pypi/De_Mo/1.0/json/", "/pre/r/other/pypi/de-mo/1.0/json"},
	} {
		w := call(tt.h, "GET "+tt.target)
		if got := w.Header().Get("Location"); w.Code != http.StatusMovedPermanently || got != tt.want {
			t.Errorf("GET %s = %d to %q, want 301 to %s", tt.target, w.Code, got, tt.want)
		}
	}
}

func TestConditional(t *testing.T) {
	d := newDemo(t)
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		fresh := call(d.open, "GET /pypi/de-mo/json", "Accept-Encoding", encoding)
		w := call(d.open, "GET /pypi/de-mo/json", "Accept-Encoding", encoding, "If-None-Match", fresh.Header().Get("ETag"))
		if w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("Content-Type") != fresh.Header().Get("Content-Type") {
			t.Errorf("%s again = %d %q with %d bytes, want 304 of the same type", encoding, w.Code,
				w.Header().Get("Content-Type"), w.Body.Len())
		}
	}
	tag := call(d.open, "GET /pypi/de-mo/json").Header().Get("ETag")
	before := read(t, call(d.open, "GET /pypi/de-mo/json"))
	d.Yank(d.project, d.files[0].ID, true, "")
	after := call(d.open, "GET /pypi/de-mo/json", "If-None-Match", tag)
	if doc := read(t, after); *doc.LastSerial <= *before.LastSerial {
		t.Errorf("after a yank last_serial = %d, want more than %d", *doc.LastSerial, *before.LastSerial)
	}
}

func TestGzip(t *testing.T) {
	d := newDemo(t)
	plain := call(d.open, "GET /pypi/de-mo/json").Body.Bytes()
	w := call(d.open, "GET /pypi/de-mo/json", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("gzip decodes to %d bytes, %v, want %d", len(got), err, len(plain))
	}
	if head := call(d.open, "HEAD /pypi/de-mo/json"); head.Code != 200 || head.Body.Len() != 0 {
		t.Errorf("HEAD = %d with %d bytes", head.Code, head.Body.Len())
	}
}

// TestURLs checks that file URLs are absolute with a path that begins with /packages, as mirrors require.
func TestURLs(t *testing.T) {
	d := newDemo(t)
	other := d.Hidden("other")
	d.Add(d.Project("x", other),
		indextest.File{File: catalog.File{Filename: "x-1.0+l.tar.gz", Version: "1.0+l"}, Content: "x"})
	auth := basic(d.Token(access.Reader, other.ID, ""))
	h := d.Serve("/pre", true,
		jsonapi.New(resolve.New(d.Index, resolve.Options{}),
			jsonapi.Options{BaseURL: "https://pypi.example.com/pre"}).Table())
	for target, want := range map[string]string{
		"/pre/pypi/de-mo/json":        `^https://pypi\.example\.com/pre/packages/[0-9a-f]{64}/de_mo-[^/+]+$`,
		"/pre/r/other/pypi/x/json":    `^https://pypi\.example\.com/pre/r/other/packages/[0-9a-f]{64}/x-1\.0%2Bl\.tar\.gz$`,
		"/pre/pypi/de-mo/0.9+cu/json": `^https://pypi\.example\.com/pre/packages/[0-9a-f]{64}/de_mo-0\.9%2Bcu\.tar\.gz$`,
	} {
		doc := read(t, call(h, "GET "+target, "Authorization", auth))
		for _, f := range doc.URLs {
			if !regexp.MustCompile(want).MatchString(f.URL) {
				t.Errorf("GET %s has the URL %s, want %s", target, f.URL, want)
			}
		}
	}
}
