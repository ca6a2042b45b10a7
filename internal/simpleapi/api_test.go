package simpleapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

const (
	jsonType = "application/vnd.pypi.simple.v1+json"
	htmlType = "application/vnd.pypi.simple.v1+html"
)

// call is one request: "GET /path", then headers as pairs.
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

// basic is the value of Authorization for a token.
func basic(s access.Secret) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("__token__", s.Reveal())
	return r.Header.Get("Authorization")
}

// demo is a site with a project that has a wheel with metadata, an sdist, and a local version.
type demo struct {
	*indextest.Site
	project          catalog.Project
	wheel, sdist, cu catalog.File
	open, closed     http.Handler
}

const (
	wheelBytes    = "PK wheel bytes, shorter than any suffix range"
	metadataBytes = "Metadata-Version: 2.1\nName: de-mo\nVersion: 1.0\n"
)

func newDemo(t testing.TB) *demo {
	d := &demo{Site: indextest.New(t)}
	d.project = d.Project("De_Mo")
	files := d.Add(d.project,
		indextest.File{File: catalog.File{Filename: "de_mo-1.0-py3-none-any.whl", Version: "1.0", RequiresPython: ">=3.8,<4"}, Content: wheelBytes, Metadata: metadataBytes},
		indextest.File{File: catalog.File{Filename: "de_mo-1.0.tar.gz", Version: "1.0"}, Content: strings.Repeat("0123456789", 2000)},
		indextest.File{File: catalog.File{Filename: "de_mo-2.0+cu121-py3-none-any.whl", Version: "2.0+cu121"}, Content: "local"},
	)
	d.wheel, d.sdist, d.cu = files[0], files[1], files[2]
	api := simpleapi.New(d.Index, simpleapi.Options{})
	d.open, d.closed = d.Serve("", true, api.Table()), d.Serve("", false, api.Table())
	return d
}

func path(f catalog.File) string { return "/packages/" + f.SHA256 + "/" + f.Filename }

func TestPageTypes(t *testing.T) {
	d := newDemo(t)
	for _, tt := range []struct {
		target, accept, want string
	}{
		{"/simple/de-mo/", "", "text/html; charset=utf-8"},
		{"/simple/de-mo/", "*/*", "text/html; charset=utf-8"},
		{"/simple/de-mo/", jsonType, jsonType},
		{"/simple/de-mo/", htmlType, htmlType},
		{"/simple/de-mo/?format=application/vnd.pypi.simple.v1%2Bjson", "text/html", jsonType},
		{"/simple/", "", "text/html; charset=utf-8"},
		{"/simple/", jsonType + ", */*;q=0.1", jsonType},
		{"/legacy/+simple/de-mo/", "text/html", "text/html; charset=utf-8"},
		{"/legacy/%2Bsimple/de-mo/", jsonType, jsonType},
		{"/r/main/simple/de-mo/", jsonType, jsonType},
	} {
		w := call(d.open, "GET "+tt.target, "Accept", tt.accept)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != tt.want {
			t.Errorf("GET %s, Accept %q = %d %s, want 200 %s", tt.target, tt.accept, w.Code, got, tt.want)
		}
		if got := w.Header().Get("Vary"); !strings.Contains(got, "Accept") || !strings.Contains(got, "Authorization") {
			t.Errorf("GET %s: Vary = %q", tt.target, got)
		}
		if w.Header().Get("X-PyPI-Last-Serial") == "" || w.Header().Get("ETag") == "" {
			t.Errorf("GET %s has no serial or no tag: %v", tt.target, w.Header())
		}
	}
}

func TestPagesRefused(t *testing.T) {
	d := newDemo(t)
	for _, tt := range []struct {
		target, accept string
		want           int
	}{
		{"/simple/de-mo/", "image/png", 406},
		{"/simple/de-mo/", "application/json", 406},
		{"/simple/", "*/*;q=0", 406},
		{"/simple/de-mo/?format=json", "text/html", 406},
		{"/simple/missing/", "", 404},
		{"/simple/missing/", "image/png", 406}, // as for one that is there
		{"/simple/-bad-/", "", 404},
		{"/simple/de-mo%0a/", "", 400},
		{"/simple/%C3%BC/", "", 404},
		{"/r/none/simple/", "", 401}, // nobody learns which repositories there are
		{"/packages/" + d.wheel.SHA256 + "/other-1.0-py3-none-any.whl", "", 404},
		{"/packages/" + d.sdist.SHA256 + "/" + d.wheel.Filename, "", 404},
		{"/packages/" + strings.ToUpper(d.wheel.SHA256) + "/" + d.wheel.Filename, "", 404},
		{path(d.sdist) + ".metadata", "", 404},
		{path(d.wheel) + ".metadata.metadata", "", 404},
		{path(d.wheel) + ".asc", "", 404},
	} {
		w := call(d.open, "GET "+tt.target, "Accept", tt.accept)
		if w.Code != tt.want {
			t.Errorf("GET %s, Accept %q = %d, want %d: %s", tt.target, tt.accept, w.Code, tt.want, w.Body)
		}
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
			t.Errorf("GET %s, Accept %q refuses in %s, want text/plain", tt.target, tt.accept, got)
		}
		if w.Header().Get("ETag") != "" {
			t.Errorf("GET %s refuses with an entity tag", tt.target)
		}
	}
}

func TestRedirects(t *testing.T) {
	d := newDemo(t)
	api := simpleapi.New(d.Index, simpleapi.Options{BasePath: "/pre"})
	prefixed := d.Serve("/pre", true, api.Table())
	for _, tt := range []struct {
		h            http.Handler
		target, want string
	}{
		{d.open, "/simple", "/simple/"},
		{d.open, "/simple?format=x&y=%2B", "/simple/?format=x&y=%2B"},
		{d.open, "/simple/de-mo", "/simple/de-mo/"},
		{d.open, "/simple/de-mo?x=1", "/simple/de-mo/?x=1"},
		{d.open, "/simple/De_Mo/", "/simple/de-mo/"},
		{d.open, "/simple/De.-_Mo", "/simple/de-mo/"},
		{d.open, "/simple/De_Mo/?x=//evil.example", "/simple/de-mo/?x=//evil.example"},
		{d.open, "/legacy/+simple/De_Mo/", "/simple/de-mo/"},
		{d.open, "/legacy/%2Bsimple/de-mo", "/simple/de-mo/"},
		{d.open, "/r/other/simple", "/r/other/simple/"},
		{d.open, "/r/other/simple/De_Mo/", "/r/other/simple/de-mo/"},
		{d.open, "/r/main/simple/De_Mo/", "/simple/de-mo/"},
		{d.open, "/r/o%3Ft%23h%20er/simple/A", "/r/o%3Ft%23h%20er/simple/a/"},
		{prefixed, "/pre/simple", "/pre/simple/"},
		{prefixed, "/pre/simple/De_Mo", "/pre/simple/de-mo/"},
		{prefixed, "/pre/r/other/simple/De_Mo/?q", "/pre/r/other/simple/de-mo/?q"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := call(tt.h, method+" "+tt.target)
			if got := w.Header().Get("Location"); w.Code != http.StatusMovedPermanently || got != tt.want {
				t.Errorf("%s %s = %d to %q, want 301 to %s", method, tt.target, w.Code, got, tt.want)
			}
		}
	}
}

func TestNoOpenRedirect(t *testing.T) {
	d := newDemo(t)
	for _, target := range []string{
		"//evil.example/simple", "/simple//evil.example", "/simple/%2F%2Fevil.example", `/simple/%5Cevil.example`, "/simple/https:%2F%2Fevil.example",
		"/r/%2Fevil.example/simple", "/r/..%2F..%2F/simple", "/r/%5C%5Cevil/simple", "/simple/..", "/simple/%0d%0aLocation:x", "/r//simple", "/r/a%0ab/simple",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = mustParse(t, "http://index.example"+target), target
		w := httptest.NewRecorder()
		d.open.ServeHTTP(w, r)
		if to := w.Header().Get("Location"); to != "" && (strings.HasPrefix(to, "//") || !strings.HasPrefix(to, "/") || strings.ContainsAny(to, "\\\r\n")) {
			t.Errorf("GET %s redirects to %q", target, to)
		}
	}
}

func TestClosedIndex(t *testing.T) {
	d := newDemo(t)
	var bodies []string
	for _, target := range []string{
		"/simple", "/simple/", "/simple/de-mo/", "/simple/De_Mo", "/simple/missing/", "/r/none/simple/", path(d.wheel), path(d.wheel) + ".metadata",
		"/packages/00/missing", "/integrity/de-mo/1.0/x/provenance", "/legacy/+simple/de-mo/",
	} {
		for _, accept := range []string{"", "image/png"} {
			w := call(d.closed, "GET "+target, "Accept", accept)
			if got := w.Header().Get("WWW-Authenticate"); w.Code != http.StatusUnauthorized || !strings.HasPrefix(got, "Basic realm=") {
				t.Errorf("GET %s without a token = %d %q, want 401 with a Basic challenge", target, w.Code, got)
			}
			bodies = append(bodies, w.Body.String())
		}
		if w := call(d.closed, "GET "+target, "Authorization", basic(access.NewToken())); w.Code != http.StatusUnauthorized {
			t.Errorf("GET %s with an unknown token = %d, want 401", target, w.Code)
		}
	}
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("two things are refused to nobody with %q and %q, want one text", bodies[0], b)
		}
	}
}

func TestReaderWithToken(t *testing.T) {
	d := newDemo(t)
	auth := basic(d.Token(access.NoRole, "", ""))
	for target, want := range map[string]int{"/simple/": 200, "/simple/de-mo/": 200, path(d.wheel): 200, "/simple/missing/": 404, "/r/none/simple/": 404} {
		w := call(d.closed, "GET "+target, "Authorization", auth)
		if w.Code != want {
			t.Errorf("GET %s = %d, want %d", target, w.Code, want)
		}
		if got := w.Header().Get("Cache-Control"); want == 200 && !strings.HasPrefix(got, "private") {
			t.Errorf("GET %s with a token: Cache-Control = %q, want private", target, got)
		}
	}
	if got := call(d.open, "GET /simple/").Header().Get("Cache-Control"); got != "public, no-cache" {
		t.Errorf("GET /simple/ for everybody: Cache-Control = %q, want public, no-cache", got)
	}
}

// TestHiddenLooksMissing compares all that a reader without rights can see of a thing that exists with one that does not.
func TestHiddenLooksMissing(t *testing.T) {
	d := newDemo(t)
	secret := d.Hidden("secret")
	p := d.Project("hidden", secret)
	f := d.Add(p, indextest.File{File: catalog.File{Filename: "hidden-1.0.tar.gz", Version: "1.0"}, Content: "hidden", Metadata: "M"})[0]
	auth := basic(d.Token(access.NoRole, "", ""))
	if w := call(d.closed, "GET /r/secret"+path(f), "Authorization", basic(d.Token(access.Reader, secret.ID, p.ID))); w.Code != 200 || w.Body.String() != "hidden" {
		t.Fatalf("who was granted the project gets %d", w.Code)
	}
	other := strings.Repeat("0", 64)
	for hidden, missing := range map[string]string{
		"/r/secret/simple/hidden/":                                    "/r/secret/simple/absent/",
		"/r/secret/simple/Hidden":                                     "/r/secret/simple/hidden",
		"/r/secret/simple/hidden/?format=text/html":                   "/r/secret/simple/absent/?format=text/html",
		"/r/secret" + path(f):                                         "/r/secret/packages/" + other + "/absent-1.0.tar.gz",
		"/r/secret" + path(f) + ".metadata":                           "/r/secret/packages/" + other + "/absent-1.0.tar.gz.metadata",
		"/r/secret/integrity/hidden/1.0/hidden-1.0.tar.gz/provenance": "/r/secret/integrity/absent/1.0/absent-1.0.tar.gz/provenance",
	} {
		for _, more := range [][]string{{}, {"Range", "bytes=0-1"}, {"If-None-Match", "*"}, {"If-None-Match", `"` + f.SHA256 + `"`}, {"Accept", "image/png"}, {"Accept", jsonType}} {
			for _, method := range []string{"GET ", "HEAD "} {
				headers := append([]string{"Authorization", auth}, more...)
				a, b := call(d.closed, method+hidden, headers...), call(d.closed, method+missing, headers...)
				a.Header().Del("X-Request-Id")
				b.Header().Del("X-Request-Id")
				if a.Code != b.Code || a.Body.String() != b.Body.String() || len(a.Header()) != len(b.Header()) || a.Code == 200 || a.Code == 206 || a.Code == 304 {
					t.Errorf("%s%s %v = %d %q %v, but %s = %d %q %v", method, hidden, more, a.Code, a.Body, a.Header(), missing, b.Code, b.Body, b.Header())
				}
			}
		}
	}
	if w := call(d.closed, "GET /r/secret/simple/", "Authorization", auth); strings.Contains(w.Body.String(), "hidden") {
		t.Errorf("the list shows a hidden project: %s", w.Body)
	}
}

func TestListIsTheCallersOwn(t *testing.T) {
	d := newDemo(t)
	secret := d.Hidden("secret")
	one := d.Project("one", secret)
	d.Project("two", secret)
	names := func(auth string) string {
		var doc struct{ Projects []struct{ Name string } }
		w := call(d.closed, "GET /r/secret/simple/", "Authorization", auth, "Accept", jsonType, "Accept-Encoding", "identity")
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		var all []string
		for _, p := range doc.Projects {
			all = append(all, p.Name)
		}
		return strings.Join(all, " ")
	}
	whole, part, nothing := basic(d.Token(access.Reader, secret.ID, "")), basic(d.Token(access.Reader, secret.ID, one.ID)), basic(d.Token(access.NoRole, "", ""))
	for range 2 { // the second time from the cache
		for auth, want := range map[string]string{whole: "one two", part: "one", nothing: ""} {
			if got := names(auth); got != want {
				t.Errorf("the list has %q, want %q", got, want)
			}
		}
	}
}

func TestQuarantine(t *testing.T) {
	d := newDemo(t)
	tag := call(d.open, "GET /simple/de-mo/").Header().Get("ETag")
	d.Change(d.project, func(p *catalog.Project) { p.Status, p.StatusReason = catalog.Quarantined, "malware" })
	w := call(d.open, "GET /simple/de-mo/", "Accept", jsonType, "If-None-Match", tag)
	var doc struct {
		Files, Versions []any
		Status          map[string]string `json:"project-status"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	if len(doc.Files)+len(doc.Versions) != 0 || doc.Status["status"] != "quarantined" || doc.Status["reason"] != "malware" {
		t.Errorf("the page of a quarantined project = %+v, want no files, and the reason", doc)
	}
	for _, target := range []string{path(d.wheel), path(d.wheel) + ".metadata"} {
		for _, more := range [][]string{{}, {"If-None-Match", `"` + d.wheel.SHA256 + `"`}, {"If-None-Match", "*"}, {"Range", "bytes=0-0"}} {
			for _, method := range []string{"GET ", "HEAD "} {
				if w := call(d.open, method+target, more...); w.Code != http.StatusNotFound {
					t.Errorf("%s%s %v = %d, want 404", method, target, more, w.Code)
				}
			}
		}
	}
	if w := call(d.open, "GET /simple/"); strings.Contains(w.Body.String(), "de-mo") {
		t.Error("the list shows a quarantined project")
	}
}

func TestConditionalPages(t *testing.T) {
	d := newDemo(t)
	tags := map[string]string{}
	for _, target := range []string{"/simple/", "/simple/de-mo/"} {
		for _, accept := range []string{"text/html", jsonType, htmlType} {
			for _, encoding := range []string{"identity", "gzip", "zstd"} {
				fresh := call(d.open, "GET "+target, "Accept", accept, "Accept-Encoding", encoding)
				tag := fresh.Header().Get("ETag")
				if other, taken := tags[tag]; taken && fresh.Header().Get("Content-Encoding") != "" {
					t.Errorf("%s as %s in %s has the tag of %s", target, accept, encoding, other)
				}
				tags[tag] = target + accept + encoding
				w := call(d.open, "GET "+target, "Accept", accept, "Accept-Encoding", encoding, "If-None-Match", tag)
				if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
					t.Errorf("%s with its own tag = %d with %d bytes, want 304", target, w.Code, w.Body.Len())
				}
				for _, name := range []string{"Content-Type", "ETag", "Vary", "Cache-Control", "X-PyPI-Last-Serial"} {
					if got, want := w.Header().Get(name), fresh.Header().Get(name); got != want {
						t.Errorf("%s: the 304's %s = %q, want the 200's %q", target, name, got, want)
					}
				}
			}
		}
	}
	html := call(d.open, "GET /simple/de-mo/").Header().Get("ETag")
	if w := call(d.open, "GET /simple/de-mo/", "Accept", jsonType, "If-None-Match", html); w.Code != http.StatusOK {
		t.Errorf("JSON with the tag of HTML = %d, want 200", w.Code)
	}
}

// TestNotModifiedOnTheWire looks at what really arrives: pip and poetry drop a page whose 304 has another type.
func TestNotModifiedOnTheWire(t *testing.T) {
	d := newDemo(t)
	server := httptest.NewServer(d.open)
	defer server.Close()
	for _, accept := range []string{"text/html", jsonType} {
		fresh := fetch(t, server.URL+"/simple/de-mo/", "Accept", accept)
		held := fetch(t, server.URL+"/simple/de-mo/", "Accept", accept, "If-None-Match", fresh.Header.Get("ETag"))
		if got := held.Header.Get("Content-Type"); held.StatusCode != 304 || got != "" && got != fresh.Header.Get("Content-Type") {
			t.Errorf("%s again = %d %q, want 304 with the same type or none", accept, held.StatusCode, got)
		}
	}
}

func fetch(t testing.TB, url string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

func TestChangesShowAtOnce(t *testing.T) {
	d := newDemo(t)
	page := func(accept string) *httptest.ResponseRecorder {
		return call(d.open, "GET /simple/de-mo/", "Accept", accept, "Accept-Encoding", "identity")
	}
	old := page(jsonType).Header().Get("ETag")
	d.Add(d.project, indextest.File{File: catalog.File{Filename: "de_mo-9.9.tar.gz", Version: "9.9"}, Content: "new"})
	if w := call(d.open, "GET /simple/de-mo/", "Accept", jsonType, "If-None-Match", old); w.Code != 200 || !strings.Contains(w.Body.String(), "de_mo-9.9.tar.gz") {
		t.Errorf("after an upload, with the old tag = %d, want 200 with the file", w.Code)
	}
	before := page("text/html").Body.String()
	d.Yank(d.project, d.sdist.ID, true, `"bad" <b>`)
	if got := page("text/html").Body.String(); !strings.Contains(got, `data-yanked="&#34;bad&#34; &lt;b&gt;"`) {
		t.Errorf("after a yank the page is %s", got)
	}
	if got := page(jsonType).Body.String(); !strings.Contains(got, `"yanked":"\"bad\" <b>"`) {
		t.Errorf("after a yank the page is %s", got)
	}
	d.Yank(d.project, d.sdist.ID, false, "")
	after, _, _ := strings.Cut(page("text/html").Body.String(), "<!--SERIAL")
	if before, _, _ = strings.Cut(before, "<!--SERIAL"); after != before {
		t.Errorf("after the unyank the page is %s, want it as before, %s", after, before)
	}
}

func TestEncodings(t *testing.T) {
	d := newDemo(t)
	plain := call(d.open, "GET /simple/de-mo/", "Accept", jsonType).Body.Bytes()
	for _, tt := range []struct {
		accept, want string
		open         func(io.Reader) (io.Reader, error)
	}{
		{"gzip, deflate", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"gzip, deflate, zstd", "zstd", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
		{"br", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
	} {
		w := call(d.open, "GET /simple/de-mo/", "Accept", jsonType, "Accept-Encoding", tt.accept)
		if got := w.Header().Get("Content-Encoding"); got != tt.want {
			t.Errorf("Accept-Encoding %s is answered in %q, want %q", tt.accept, got, tt.want)
		}
		r, err := tt.open(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s decodes to %d bytes, %v, want the %d of identity", tt.want, len(got), err, len(plain))
		}
	}
	if w := call(d.open, "GET "+path(d.sdist), "Accept-Encoding", "gzip, zstd"); w.Header().Get("Content-Encoding") != "" || w.Body.Len() != int(d.sdist.Size) {
		t.Errorf("a .tar.gz is answered in %q", w.Header().Get("Content-Encoding"))
	}
}

func TestHead(t *testing.T) {
	d := newDemo(t)
	for _, target := range []string{"/simple/", "/simple/de-mo/", path(d.wheel), path(d.wheel) + ".metadata"} {
		get, head := call(d.open, "GET "+target), call(d.open, "HEAD "+target)
		if head.Code != 200 || head.Body.Len() != 0 {
			t.Errorf("HEAD %s = %d with %d bytes, want 200 without", target, head.Code, head.Body.Len())
		}
		for name := range get.Header() {
			if got, want := head.Header().Get(name), get.Header().Get(name); got != want && name != "X-Request-Id" {
				t.Errorf("HEAD %s: %s = %q, want GET's %q", target, name, got, want)
			}
		}
		if head.Header().Get("Content-Length") == "" {
			t.Errorf("HEAD %s has no Content-Length", target)
		}
	}
}

func TestLinksLead(t *testing.T) {
	d := newDemo(t)
	other := d.Hidden("other")
	d.Add(d.Project("x", other), indextest.File{File: catalog.File{Filename: "x-1.0.tar.gz", Version: "1.0"}, Content: "x", Metadata: "M"})
	api := simpleapi.New(d.Index, simpleapi.Options{BasePath: "/pre/"})
	h, auth := d.Serve("/pre", false, api.Table()), basic(d.Token(access.Reader, other.ID, ""))
	for _, target := range []string{"/pre/simple/de-mo/", "/pre/legacy/%2Bsimple/de-mo/", "/pre/r/other/simple/x/"} {
		w := call(h, "GET "+target, "Accept", jsonType, "Authorization", auth)
		var doc struct {
			Files []struct {
				URL    string
				Hashes map[string]string
				Core   any `json:"core-metadata"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || len(doc.Files) == 0 {
			t.Fatalf("GET %s = %d %s: %v", target, w.Code, w.Body, err)
		}
		for _, f := range doc.Files {
			for link, want := range map[string]int{f.URL: 200, f.URL + ".metadata": map[bool]int{true: 200, false: 404}[f.Core != false]} {
				if w := call(h, "GET "+link, "Authorization", auth); w.Code != want {
					t.Errorf("%s links to %s = %d, want %d", target, link, w.Code, want)
				}
			}
		}
	}
}

func TestColdReadersRenderOnce(t *testing.T) {
	d := newDemo(t)
	if _, err := d.Index.Project(t.Context(), access.Guest(true), "", d.project.Name); err != nil { // the row is in memory
		t.Fatal(err)
	}
	before := d.Views.Load()
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			if w := call(d.open, "GET /simple/de-mo/", "Accept-Encoding", "gzip"); w.Code != 200 {
				t.Errorf("GET /simple/de-mo/ = %d", w.Code)
			}
		})
	}
	wg.Wait()
	if got := d.Views.Load() - before; got != 1 {
		t.Errorf("1,000 cold readers read the files %d times, want once", got)
	}
}

func TestProvenance(t *testing.T) {
	d := newDemo(t)
	target := "/integrity/de-mo/1.0/" + d.wheel.Filename + "/provenance"
	for accept, want := range map[string]int{
		"": 404, "*/*": 404, "application/vnd.pypi.integrity.v1+json": 404, "application/json": 404, "text/html": 406, "image/png": 406,
	} {
		w := call(d.open, "GET "+target, "Accept", accept)
		var doc struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != want || doc.Message == "" {
			t.Errorf("GET %s, Accept %q = %d %s, want %d with a message", target, accept, w.Code, w.Body, want)
		}
	}
}
