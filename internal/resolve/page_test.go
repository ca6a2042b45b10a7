package resolve_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

var links = regexp.MustCompile(`<a href="([^"#]*)(#[^"]*)?"[^>]*>([^<]*)</a>`)

type document struct {
	Meta     map[string]any
	Versions []string
	Files    []struct {
		Filename, URL string
		Hashes        map[string]string
	}
}

func (w *world) document(out *httptest.ResponseRecorder) (d document) {
	w.t.Helper()
	w.must(json.Unmarshal(out.Body.Bytes(), &d))
	return d
}

// TestPagesOfUpstreamsAreOurs: both formats list the same files, in the version of this index, with links to the tree
// that was asked, and without the serial of the upstream.
func TestPagesOfUpstreamsAreOurs(t *testing.T) {
	w := newWorld(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir())
	w.public.Add(packagingtest.Wheel("both-forms", "1.0", "a"), packagingtest.SDist("both-forms", "2.0", "b"))
	w.public.Change("both-forms", func(p *upstreamtest.Project) { p.Serial = 4711 })
	w.repository("team", 0, "main")
	for _, tree := range []string{"", "/r/team"} {
		path := tree + "/simple/both-forms/"
		asJSON := w.call(0, w.admin, http.MethodGet, path, nil, "Accept", jsonPage)
		asHTML := w.call(0, w.admin, http.MethodGet, path, nil, "Accept", "text/html")
		d := w.document(asJSON)
		var fromJSON, fromHTML []string
		for _, f := range d.Files {
			fromJSON = append(fromJSON, f.URL+" "+f.Filename+" #sha256="+f.Hashes["sha256"])
			if !strings.HasPrefix(f.URL, tree+"/packages/public/") || strings.Contains(f.URL, "?") {
				t.Errorf("%s links to %s", path, f.URL)
			}
			if out := w.call(0, w.admin, http.MethodGet, f.URL, nil); out.Code != http.StatusOK {
				t.Errorf("%s = %d", f.URL, out.Code)
			}
		}
		for _, m := range links.FindAllStringSubmatch(asHTML.Body.String(), -1) {
			fromHTML = append(fromHTML, m[1]+" "+m[3]+" "+m[2])
		}
		if len(fromJSON) != 2 || !slices.Equal(fromJSON, fromHTML) {
			t.Errorf("JSON lists %q, HTML %q", fromJSON, fromHTML)
		}
		if d.Meta["api-version"] != "1.4" || d.Meta["_last-serial"] != nil ||
			d.Meta["_artifact-base-url"] != tree+"/packages/public/" {
			t.Errorf("meta = %v", d.Meta)
		}
		for _, out := range []*httptest.ResponseRecorder{asJSON, asHTML} {
			h := out.Header()
			if strings.Contains(out.Body.String(), "4711") || h.Get("X-PyPI-Last-Serial") != "" {
				t.Errorf("%s shows the serial of the upstream: %s", path, out.Body)
			}
			if h.Get("Age") == "" || h.Get("Cache-Control") != "private, no-cache" ||
				!strings.Contains(h.Get("Vary"), "Accept") || !strings.Contains(h.Get("Vary"), "Authorization") {
				t.Errorf("%s has the headers %v", path, h)
			}
			again := w.call(0, w.admin, http.MethodGet, path, nil, "Accept", h.Get("Content-Type"), "If-None-Match",
				h.Get("Etag"))
			if again.Code != http.StatusNotModified {
				t.Errorf("%s with its own entity tag = %d", path, again.Code)
			}
		}
	}
}

// TestMergedPage: a name that an administrator gave to both lists own files and those of the upstream, and a version
// belongs to one of them.
func TestMergedPage(t *testing.T) {
	w := newWorld(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir())
	theirs1, theirs2 := packagingtest.Wheel("patched", "1.0", "theirs"),
		packagingtest.Wheel("patched", "1.0+acme.1", "theirs")
	ours := packagingtest.Wheel("patched", "1.0+acme.1", "ours")
	w.public.Add(theirs1)
	a := w.replicas[0]
	w.must(a.Index.SetOrigin(t.Context(), a.Operator, catalog.NewRuling{
		Name: name(t, "patched"), Origin: catalog.Both, Reason: "a fix of ours",
	}))
	w.publish("", ours)
	w.public.Add(theirs2)
	page := w.call(1, w.admin, http.MethodGet, "/simple/patched/", nil, "Accept", jsonPage)
	d := w.document(page)
	digests := map[string]string{}
	for _, f := range d.Files {
		if digests[f.Filename] != "" {
			t.Errorf("%s is listed twice", f.Filename)
		}
		digests[f.Filename] = f.Hashes["sha256"]
	}
	if len(digests) != 2 || digests[ours.Name] != ours.SHA256() || digests[theirs1.Name] != theirs1.SHA256() {
		t.Errorf("the page lists %v", digests)
	}
	if page.Header().Get("X-PyPI-Last-Serial") == "" {
		t.Error("the page of a project of ours has no serial")
	}
	file := w.forms("", "patched", theirs2)["file"]
	if out := w.call(1, w.admin, http.MethodGet, file, nil); out.Code == http.StatusOK {
		t.Errorf("the upstream's file of an own version is served: %d bytes", out.Body.Len())
	}
	dup := packagingtest.Wheel("patched", "1.0", "ours")
	if out := w.upload(0, w.admin, "", dup); out.Code == http.StatusOK {
		t.Error("a version of the upstream was uploaded")
	}
}

// TestOfflinePage: a page that is not held is refused while the index is offline, with the reason where clients print
// it, in every form.
func TestOfflinePage(t *testing.T) {
	w := newWorld(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir(), "--offline")
	w.public.Add(theirs("elsewhere"))
	for form, path := range w.forms("", "elsewhere", theirs("elsewhere")) {
		out := w.call(0, w.admin, http.MethodGet, path, nil, "Accept", accepts(form))
		if out.Code != http.StatusForbidden || !strings.Contains(out.Body.String(), "offline: not held here") {
			t.Errorf("%s = %d %s", form, out.Code, out.Body)
		}
		if form != "JSON" && form != "release" && out.Header().Get("X-Index-Hold") != "offline" {
			t.Errorf("%s has the headers %v", form, out.Header())
		}
	}
	w.public.AssertNothingAsked(t, "elsewhere")
}
