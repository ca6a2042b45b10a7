//go:build !windows

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// unseen begins the mark that is in every part of a file that no caller may read: its modules, metadata, description
// and provenance. The name of the project follows.
const unseen = "unseen-marker-"

// unservedFile is a file that the index holds or denies, with an older one of the same project that it serves.
type unservedFile struct {
	what, mark   string
	file         packagingtest.File
	text         string // of the decision
	path         string // of the file below a tree
	servedBefore packagingtest.File
}

// withUnserved makes a held and a denied file of an upstream, and a denied one of the index, in main, which team draws
// on.
func (x *fixture) withUnserved(t *testing.T) []unservedFile {
	t.Helper()
	ctx, op := t.Context(), x.app.Operator
	from := upstreamtest.New(t, upstreamtest.Options{})
	u := upstream.Default()
	u.Name, u.URL, u.AllowPrivate = "faraway", from.URL(), true
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(x.app.Upstreams.Add(ctx, op, u))
	cooldown, bases, members := 72*time.Hour, []catalog.Base{catalog.ParseBase("upstream:faraway")}, access.Reader
	must(x.app.Index.ChangeRepository(ctx, op, "main",
		catalog.RepositoryChange{Bases: &bases, Cooldown: &cooldown, Members: &members}))
	must(x.app.Index.AddRepository(ctx, op, catalog.NewRepository{
		Name: "team", Members: access.Reader, Public: true, Bases: []catalog.Base{catalog.ParseBase("main")},
	}))
	var all []unservedFile
	for _, c := range []struct{ what, project, text string }{
		{"held", "heldrocket", "held: cooldown until "},
		{"denied", "deniedrocket", "denied: denylist, it steals tokens"},
		{"denied of the index", "ourrocket", "denied: denylist, it steals tokens"},
	} {
		mark := unseen + c.project
		f := unservedFile{
			what: c.what, mark: mark, text: c.text, servedBefore: packagingtest.Wheel(c.project, "1.0", "x", "Summary: Flies"),
			file: packagingtest.WheelWith(c.project, "2.0", mark,
				[][2]string{{mark + ".py", mark}, {c.project + "-2.0.dist-info/licenses/LICENSE", mark}},
				"Summary: "+mark, "Keywords: "+mark, "Requires-Dist: "+mark+">=1", "License-File: LICENSE",
				"Description-Content-Type: text/markdown", "", "# "+mark),
		}
		if c.what == "denied of the index" {
			must(x.put(t, "main", f.servedBefore))
			must(x.put(t, "main", f.file))
			f.path = f.file.SHA256() + "/" + f.file.Name
			name, err := packaging.ParseProjectName(c.project)
			must(err)
			must(x.app.Index.Grant(ctx, op, "main", name, "maintainer", access.Maintainer))
		} else {
			from.Add(f.servedBefore, f.file)
			from.Change(c.project, func(p *upstreamtest.Project) {
				p.Files[1].Provenance = []byte(`{"version": 1, "attestation_bundles": [], "note": "` + mark + `"}`)
				if c.what == "held" {
					p.Files[1].Uploaded = time.Now().Add(-time.Hour)
				}
			})
			f.path = "faraway/" + page.Path(from.FileURL(f.file.Name), f.file.Name, "")
		}
		if c.what != "held" {
			target, err := holds.ParseTarget(c.project+"==2.0", "")
			must(err)
			_, err = x.app.Holds.Deny(ctx, op, holds.NewDenial{Target: target, Reason: "it steals tokens"})
			must(err)
		}
		all = append(all, f)
	}
	return all
}

// heldRoute says what a route answers about a file that is held or denied.
type heldRoute string

const (
	refusesFile heldRoute = "403 with the reason"
	namesFile   heldRoute = "names the release, with the reason"
	quiet       heldRoute = "may name the project, and has nothing of the file"
)

// heldRoutes are the GET routes that leave the decision about files to the policy, without the prefix of a repository.
// The test fails for one that is absent.
var heldRoutes = map[string]heldRoute{
	"/packages/:source/*":                               refusesFile,
	"/integrity/:project/:version/:filename/provenance": refusesFile,

	"/simple/:project/":             namesFile,
	"/pypi/:project/json":           namesFile,
	"/pypi/:project/json/":          namesFile,
	"/pypi/:project/:version/json":  namesFile,
	"/pypi/:project/:version/json/": namesFile,
	"/project/:project/:version/":   namesFile,
	"/project/:project/versions/":   namesFile,
	"/held/:project/":               namesFile,
	"/held/:project/:version/":      namesFile,

	"/":                                quiet,
	"/ca.pem":                          quiet,
	"/search/":                         quiet,
	"/simple":                          quiet,
	"/simple/":                         quiet,
	"/simple/:project":                 quiet, // leads to the page
	"/project/:project/":               quiet, // about the latest release that is served
	"/project/:project/:version/diff/": quiet,
	"/project/:project/:version/file/:filename": quiet,
	"/project/:project/:version/picture/:key":   quiet,
	"/rss/project/:project/releases.xml":        quiet,
}

// belowTree returns the path of a route below the prefix of a repository.
func belowTree(path string) string { return strings.TrimPrefix(path, "/r/:repository") }

// fill returns the addresses of a route for a file, in each tree.
func (f unservedFile) fill(path string, x *fixture) (all []string) {
	trees := []string{"main", "team"}
	if !strings.Contains(path, ":repository") {
		trees = trees[:1]
	}
	for _, tree := range trees {
		at := strings.NewReplacer(":repository", tree, ":project", f.file.Project, ":version", "2.0",
			":filename", f.file.Name, ":source/*", f.path, ":user", "member", ":kind", "user", ":subject", "member",
			":upstream", "faraway",
			":account", "deploy", ":name", "main", ":publisher", x.publisher, ":key", "0", ":group", "none",
			":secret", "nonsense", ":platform", "github", ":chapter", "connect", ":file", "x", ":service", "x").Replace(path)
		all = append(all, at)
		switch belowTree(path) {
		case "/packages/:source/*":
			all = append(all, at+".metadata")
		case "/integrity/:project/:version/:filename/provenance":
			if !strings.Contains(f.path, "faraway") {
				all = all[:len(all)-1] // the own one has none
			}
		case "/project/:project/:version/diff/":
			all = append(all, at+"?from=1.0", strings.Replace(at, "/2.0/", "/1.0/", 1)+"?from=2.0")
		case "/search/":
			all = append(all, at+"?q="+f.file.Project, at+"?q=unseen", at+"?q="+f.file.Project+"&sort=newest")
		case "/", "/simple/":
			all = append(all, at+"?q="+f.file.Project)
		}
	}
	return all
}

// callers ask without a credential, with the token of a reader and of an administrator, and, for pages, as people.
var (
	heldTokens   = []string{"admin", "read", ""}
	heldVisitors = []string{"administrator", "maintainer", "reader", "stranger", "nobody"}
)

// heldHeaders are the ways to ask that may lead around a decision.
func (f unservedFile) headers() [][2]string {
	return [][2]string{
		{"Accept", "*/*"},
		{"Accept", "text/html"},
		{"Accept", "application/vnd.pypi.simple.v1+json"},
		{"Accept", "application/vnd.pypi.simple.v1+html"},
		{"Accept", "application/vnd.pypi.integrity.v1+json"},
		{"Range", "bytes=0-99"},
		{"Range", "bytes=-9"},
		{"If-Range", `"` + f.file.SHA256() + `"`},
		{"If-None-Match", `"` + f.file.SHA256() + `"`},
		{"If-None-Match", `*`},
		{"If-Match", `"` + f.file.SHA256() + `"`},
		{"If-Modified-Since", "Tue, 01 Jan 2030 00:00:00 GMT"},
		{"Cache-Control", "no-cache"},
		{"Accept-Encoding", "gzip"},
	}
}

// leaks returns what an answer has of a file, "" if nothing.
func (f unservedFile) leaks(body []byte) string {
	sum := sha256.Sum256(body)
	text := strings.ReplaceAll(strings.ToLower(string(body)), "_", "-")
	switch i := strings.Index(text, f.mark); {
	case fmt.Sprintf("%x", sum) == f.file.SHA256():
		return "the file"
	case bytes.Contains(body, []byte("PK\x03\x04")) || bytes.Contains(body, f.file.Bytes[len(f.file.Bytes)-50:]):
		return "bytes of the file"
	case bytes.Contains(body, f.file.Metadata):
		return "the metadata"
	case i >= 0:
		return "what the file states: " + text[max(0, i-100):min(len(text), i+50)]
	}
	return ""
}

// Whatever route is asked for a held or a denied file, in whatever way, and by whom: it gives the name and the reason,
// and no byte of it.
func TestHeldFileIsNowhere(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	files := x.withUnserved(t)
	known := map[string]bool{}
	for _, r := range x.server.Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		want, ok := heldRoutes[belowTree(r.Path)]
		known[belowTree(r.Path)] = true
		if !ok && r.Decides == route.ByPolicy {
			t.Errorf("heldRoutes does not say what %s answers about a held file", r.Path)
		}
		for _, f := range files {
			for _, path := range f.fill(r.Path, x) {
				x.asksForHeld(t, r, f, path, want)
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(heldRoutes)) {
		if !known[at] {
			t.Errorf("heldRoutes names %s, which is no route", at)
		}
	}
}

// asksForHeld asks for a path in every way as every caller.
func (x *fixture) asksForHeld(t *testing.T, r server.Row, f unservedFile, path string, want heldRoute) {
	t.Helper()
	headers, callers := f.headers(), heldTokens
	switch {
	case r.Auth.Session():
		headers, callers = headers[:1], heldVisitors
	case want == "":
		headers, callers = headers[:1], callers[:1]
	case strings.Contains(path, "/integrity/"): // has documents of two types only
		headers = slices.Delete(headers, 1, 4)
	case want != refusesFile:
		headers = headers[:4]
	}
	for _, caller := range callers {
		for _, h := range headers {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if method == http.MethodHead && want != refusesFile {
					continue // of the same handler, without the body
				}
				var got *httptest.ResponseRecorder
				if r.Auth.Session() {
					got = x.visit(t, method, path, caller, "", h[:]...)
				} else {
					got = x.askWith(method, path, caller, h[:]...)
				}
				body := got.Body.Bytes()
				if got.Header().Get("Content-Encoding") == "gzip" {
					body = gunzip(body)
				}
				asked := fmt.Sprintf("%s: %s %s with %q as %q = %d", f.what, method, path, h, caller, got.Code)
				leak := f.leaks(body)
				if shownAnyway(r) && strings.HasPrefix(leak, "what the file states") {
					leak = ""
				}
				if leak != "" {
					t.Errorf("%s has %s", asked, leak)
				}
				f.answers(t, asked, got, string(body), method, want)
			}
		}
	}
}

// shownAnyway reports whether a route shows what a release states although it is denied: to those who manage the
// project.
func shownAnyway(r server.Row) bool { return r.Decides == route.AsKept }

// answers checks that an answer is what a route says of a held file.
func (f unservedFile) answers(t *testing.T, asked string, got *httptest.ResponseRecorder, said, method string,
	want heldRoute,
) {
	t.Helper()
	h := got.Header()
	switch {
	case got.Code >= http.StatusInternalServerError:
		t.Errorf("%s: %s", asked, said)
	case want == refusesFile:
		if got.Code != http.StatusForbidden || h.Get("X-Index-Hold") == "" || h.Get("Etag") != "" ||
			h.Get("Accept-Ranges") != "" || method == http.MethodGet && !strings.Contains(said, f.text) {
			t.Errorf("%s and does not refuse it: %v %s", asked, h, said)
		}
	case want == namesFile && (got.Code != http.StatusOK || !strings.Contains(said, f.file.Project) ||
		!strings.Contains(said, "2.0") || !f.explained(said)):
		t.Errorf("%s and does not explain: %s", asked, strings.Join(strings.Fields(said), " "))
	}
}

// explained reports whether a text has the decision on the file.
func (f unservedFile) explained(text string) bool {
	return strings.Contains(text, f.text) || strings.Contains(text, "/held/"+f.file.Project+"/2.0/")
}

// askWith is ask with further headers.
func (x *fixture) askWith(method, path, kind string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if kind != "" {
		r.SetBasicAuth("__token__", x.tokens[kind].Reveal())
	}
	w := httptest.NewRecorder()
	x.server.ServeHTTP(w, r)
	return w
}

// gunzip returns what an answer holds, as far as it can be read.
func gunzip(body []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	plain, _ := io.ReadAll(r)
	return plain
}
