package simpleapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/indextest"
)

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

// TestNotModifiedOnTheWire checks the 304 as received: pip and poetry drop a page if its 304 has another type.
func TestNotModifiedOnTheWire(t *testing.T) {
	d := newDemo(t)
	server := httptest.NewServer(d.open)
	defer server.Close()
	for _, accept := range []string{"text/html", jsonType} {
		fresh := fetch(t, server.URL+"/simple/de-mo/", "Accept", accept)
		held := fetch(t, server.URL+"/simple/de-mo/", "Accept", accept, "If-None-Match", fresh.Header.Get("ETag"))
		if got := held.Header.Get("Content-Type"); held.StatusCode != 304 ||
			got != "" && got != fresh.Header.Get("Content-Type") {
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
	if w := call(d.open, "GET /simple/de-mo/", "Accept", jsonType, "If-None-Match", old); w.Code != 200 ||
		!strings.Contains(w.Body.String(), "de_mo-9.9.tar.gz") {
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
