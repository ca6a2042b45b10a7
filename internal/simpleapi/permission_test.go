package simpleapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

func TestClosedIndex(t *testing.T) {
	d := newDemo(t)
	var bodies []string
	for _, target := range []string{
		"/simple", "/simple/", "/simple/de-mo/", "/simple/De_Mo", "/simple/missing/", "/r/none/simple/", path(d.wheel),
		path(d.wheel) + ".metadata",
		"/packages/00/missing", "/integrity/de-mo/1.0/x/provenance",
	} {
		for _, accept := range []string{"", "image/png"} {
			w := call(d.closed, "GET "+target, "Accept", accept)
			if got := w.Header().Get("WWW-Authenticate"); w.Code != http.StatusUnauthorized ||
				!strings.HasPrefix(got, "Basic realm=") {
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
			t.Errorf("anonymous requests are refused with %q and %q, want equal texts", bodies[0], b)
		}
	}
}

func TestReaderWithToken(t *testing.T) {
	d := newDemo(t)
	auth := basic(d.Token(access.NoRole, "", ""))
	for target, want := range map[string]int{
		"/simple/":         200,
		"/simple/de-mo/":   200,
		path(d.wheel):      200,
		"/simple/missing/": 404,
		"/r/none/simple/":  404,
	} {
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

// TestHiddenLooksMissing compares everything that a caller without permission can see of an existing project with the
// same for a missing project.
func TestHiddenLooksMissing(t *testing.T) {
	d := newDemo(t)
	secret := d.Hidden("secret")
	p := d.Project("hidden", secret)
	f := d.Add(p, indextest.File{
		File: catalog.File{Filename: "hidden-1.0.tar.gz", Version: "1.0"}, Content: "hidden", Metadata: "M",
	})[0]
	auth := basic(d.Token(access.NoRole, "", ""))
	if w := call(d.closed, "GET /r/secret"+path(f), "Authorization",
		basic(d.Token(access.Reader, secret.ID, p.ID))); w.Code != 200 || w.Body.String() != "hidden" {
		t.Fatalf("a user with a grant gets %d", w.Code)
	}
	other := strings.Repeat("0", 64)
	for hidden, missing := range map[string]string{
		"/r/secret/simple/hidden/":                  "/r/secret/simple/absent/",
		"/r/secret/simple/Hidden":                   "/r/secret/simple/hidden",
		"/r/secret/simple/hidden/?format=text/html": "/r/secret/simple/absent/?format=text/html",
		"/r/secret" + path(f):                       "/r/secret/packages/" + other + "/absent-1.0.tar.gz",
		"/r/secret" + path(f) + ".metadata": "/r/secret/packages/" + other +
			"/absent-1.0.tar.gz.metadata",
		"/r/secret/integrity/hidden/1.0/hidden-1.0.tar.gz/provenance": "/r/secret/integrity/absent/1.0/absent-1.0.tar.gz/provenance",
	} {
		for _, more := range [][]string{
			{},
			{"Range", "bytes=0-1"},
			{"If-None-Match", "*"},
			{"If-None-Match", `"` + f.SHA256 + `"`},
			{"Accept", "image/png"},
			{"Accept", jsonType},
		} {
			for _, method := range []string{"GET ", "HEAD "} {
				headers := append([]string{"Authorization", auth}, more...)
				a, b := call(d.closed, method+hidden, headers...), call(d.closed, method+missing, headers...)
				a.Header().Del("X-Request-Id")
				b.Header().Del("X-Request-Id")
				if a.Code != b.Code || a.Body.String() != b.Body.String() || len(a.Header()) != len(b.Header()) || a.Code == 200 ||
					a.Code == 206 || a.Code == 304 {
					t.Errorf("%s%s %v = %d %q %v, but %s = %d %q %v", method, hidden, more, a.Code, a.Body, a.Header(), missing,
						b.Code, b.Body, b.Header())
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
		if w.Code == http.StatusNotFound {
			return "not there"
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		var all []string
		for _, p := range doc.Projects {
			all = append(all, p.Name)
		}
		return strings.Join(all, " ")
	}
	whole, part, nothing := basic(d.Token(access.Reader, secret.ID, "")),
		basic(d.Token(access.Reader, secret.ID, one.ID)), basic(d.Token(access.NoRole, "", ""))
	for range 2 { // the second time from the cache
		for auth, want := range map[string]string{whole: "one two", part: "one", nothing: "not there"} {
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
	if len(doc.Files)+len(doc.Versions) != 0 || doc.Status["status"] != "quarantined" ||
		doc.Status["reason"] != "malware" {
		t.Errorf("the page of a quarantined project = %+v, want no files, and the reason", doc)
	}
	for _, target := range []string{path(d.wheel), path(d.wheel) + ".metadata"} {
		for _, more := range [][]string{
			{}, {"If-None-Match", `"` + d.wheel.SHA256 + `"`}, {"If-None-Match", "*"}, {"Range", "bytes=0-0"},
		} {
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

// By default clients must ask each time. With MaxAge, they may use a page for a while; shared caches may do so only
// with pages that anyone may read. Files and errors are not affected.
func TestCacheControlOfPages(t *testing.T) {
	d := newDemo(t)
	auth := basic(d.Token(access.NoRole, "", ""))
	for _, c := range []struct {
		maxAge          time.Duration
		private, public string
	}{
		{0, "private, no-cache", "public, no-cache"},
		{-time.Hour, "private, no-cache", "public, no-cache"},
		{time.Millisecond, "private, no-cache", "public, no-cache"},
		{90 * time.Second, "private, max-age=90", "public, max-age=90"},
	} {
		h := d.Serve("", true,
			simpleapi.New(resolve.New(d.Index, resolve.Options{}), simpleapi.Options{MaxAge: c.maxAge}).Table())
		for _, target := range []string{"/simple/", "/simple/de-mo/"} {
			if got := call(h, "GET "+target, "Authorization", auth).Header().Get("Cache-Control"); got != c.private {
				t.Errorf("MaxAge %v: GET %s with a token: Cache-Control %q, want %q", c.maxAge, target, got, c.private)
			}
			if got := call(h, "GET "+target).Header().Get("Cache-Control"); got != c.public {
				t.Errorf("MaxAge %v: GET %s: Cache-Control %q, want %q", c.maxAge, target, got, c.public)
			}
		}
		for _, target := range []string{"/simple/missing/", "/simple"} {
			if got := call(h, "GET "+target).Header().Get("Cache-Control"); strings.Contains(got, "max-age") {
				t.Errorf("MaxAge %v: GET %s: Cache-Control %q", c.maxAge, target, got)
			}
		}
		if got := call(h, "GET "+path(d.wheel)).Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("MaxAge %v: Cache-Control of a file %q", c.maxAge, got)
		}
	}
}
