package simpleapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

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
	d.Add(d.Project("x", other),
		indextest.File{File: catalog.File{Filename: "x-1.0.tar.gz", Version: "1.0"}, Content: "x", Metadata: "M"})
	api := simpleapi.New(resolve.New(d.Index, resolve.Options{}), simpleapi.Options{BasePath: "/pre/"})
	h, auth := d.Serve("/pre", false, api.Table()), basic(d.Token(access.Reader, other.ID, ""))
	for _, target := range []string{"/pre/simple/de-mo/", "/pre/r/other/simple/x/"} {
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
			for link, want := range map[string]int{
				f.URL: 200, f.URL + ".metadata": map[bool]int{true: 200, false: 404}[f.Core != false],
			} {
				if w := call(h, "GET "+link, "Authorization", auth); w.Code != want {
					t.Errorf("%s links to %s = %d, want %d", target, link, w.Code, want)
				}
			}
		}
	}
}

func TestColdReadersRenderOnce(t *testing.T) {
	d := newDemo(t)
	warm := resolve.New(d.Index, resolve.Options{})
	// the rows are in memory
	if _, err := warm.View(t.Context(), access.Guest(true), "", d.project.Name, resolve.Ask{}); err != nil {
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
