package simpleapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

const provenanceType = "application/vnd.pypi.integrity.v1+json"

// TestNoProvenance checks a file without verified attestations, and a missing file.
func TestNoProvenance(t *testing.T) {
	d := newDemo(t)
	for _, target := range []string{
		"/integrity/de-mo/1.0/" + d.wheel.Filename + "/provenance", "/integrity/de-mo/1.0/none/provenance",
		"/integrity/none/1.0/none/provenance",
	} {
		for accept, want := range map[string]int{
			"": 404, "*/*": 404, provenanceType: 404, "application/json": 404, "text/html": 406, "image/png": 406,
			"*/*;q=0": 406,
		} {
			w := call(d.open, "GET "+target, "Accept", accept)
			var doc struct{ Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != want || doc.Message == "" {
				t.Errorf("GET %s, Accept %q = %d %s, want %d with a message", target, accept, w.Code, w.Body, want)
			}
		}
	}
}

// proven is a demo, served below /team, with a file that has verified attestations and one that has none that is
// verified.
type proven struct {
	*demo
	file, said catalog.File
	handler    http.Handler
}

func newProven(t *testing.T) *proven {
	p := &proven{demo: newDemo(t)}
	files := p.Add(p.project,
		indextest.File{
			File: catalog.File{Filename: "de_mo-3.0+a-py3-none-any.whl", Version: "3.0+a", Attested: true}, Content: "proven",
		},
		indextest.File{File: catalog.File{Filename: "de_mo-3.0+a.tar.gz", Version: "3.0+a"}, Content: "said"},
	)
	p.file, p.said = files[0], files[1]
	publisher := map[string]any{"kind": "GitHub", "repository": "acme/<b>", "environment": nil}
	p.Attest(p.file,
		catalog.Attestation{Predicate: "a", Document: `{"n":1}`, Verified: true, Publisher: publisher},
		catalog.Attestation{Predicate: "b", Document: `{"n":2}`},
		catalog.Attestation{Predicate: "c", Document: `{"n":3}`, Verified: true, Publisher: publisher},
		catalog.Attestation{Predicate: "d", Document: `{"n":4}`, Verified: true, Publisher: map[string]any{"kind": "Google"}},
	)
	p.Attest(p.said, catalog.Attestation{Predicate: "a", Document: `{"n":5}`})
	api := simpleapi.New(resolve.New(p.Index, resolve.Options{}),
		simpleapi.Options{BasePath: "/team", BaseURL: "https://h.example/team"})
	p.handler = p.Serve("/team", true, api.Table())
	return p
}

const provenPath = "/team/integrity/de-mo/3.0%2Ba/de_mo-3.0%2Ba-py3-none-any.whl/provenance"

// TestProvenance: the verified attestations, and only those, are served in bundles at the URL that the pages link.
func TestProvenance(t *testing.T) {
	p := newProven(t)
	const want = `{"attestation_bundles":[{"publisher":{"environment":null,"kind":"GitHub","repository":"acme/<b>"},"attestations":[{"n":1},{"n":3}]},` +
		`{"publisher":{"kind":"Google"},"attestations":[{"n":4}]}],"version":1}`
	for accept, media := range map[string]string{
		"": provenanceType, "*/*": provenanceType, provenanceType: provenanceType, "application/json": "application/json",
		"application/json, " + provenanceType:            provenanceType,
		"application/json, " + provenanceType + ";q=0.5": "application/json",
		"application/*;q=0.1, text/html":                 provenanceType, "junk": provenanceType,
		provenanceType + ";q=0, */*": "application/json",
	} {
		w := call(p.handler, "GET "+provenPath, "Accept", accept)
		if w.Code != 200 || w.Header().Get("Content-Type") != media || w.Body.String() != want {
			t.Errorf("Accept %q = %d %s %s, want %s %s", accept, w.Code, w.Header(), w.Body, media, want)
		}
		if cc := w.Header().Get("Cache-Control"); !strings.Contains(cc, "no-cache") || strings.Contains(cc, "immutable") {
			t.Errorf("Cache-Control = %q: provenance may change", cc)
		}
		if again := call(p.handler, "GET "+provenPath, "Accept", accept, "If-None-Match",
			w.Header().Get("ETag")); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("with its tag = %d %s, want 304", again.Code, again.Body)
		}
	}
	if w := call(p.handler, "HEAD "+provenPath); w.Code != 200 || w.Body.Len() > 0 {
		t.Errorf("HEAD = %d %s", w.Code, w.Body)
	}
	if w := call(p.handler, "GET /team/integrity/De_Mo/3.0.0%2BA/de_mo-3.0+a-py3-none-any.whl/provenance"); w.Code != 200 {
		t.Errorf("other spellings of project and version = %d, want 200", w.Code)
	}
}

func TestProvenanceLinks(t *testing.T) {
	p := newProven(t)
	var doc struct {
		Files []struct {
			Filename   string
			Provenance *string
		}
	}
	if err := json.Unmarshal(call(p.handler, "GET /team/simple/de-mo/", "Accept", jsonType).Body.Bytes(),
		&doc); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for _, f := range doc.Files {
		if f.Provenance != nil {
			links[f.Filename] = *f.Provenance
		}
	}
	want := "https://h.example" + provenPath
	if d := cmp.Diff(map[string]string{p.file.Filename: want}, links); d != "" {
		t.Errorf("provenance of the JSON page (-want +got):\n%s", d)
	}
	html := call(p.handler, "GET /team/simple/de-mo/").Body.String()
	if strings.Count(html, "data-provenance") != 1 || !strings.Contains(html, ` data-provenance="`+want+`"`) {
		t.Errorf("the HTML page = %s, want one data-provenance, %s", html, want)
	}
	if html := call(p.open, "GET /simple/de-mo/").Body.String(); strings.Contains(html, "provenance") {
		t.Errorf("an index without https links provenance: %s", html)
	}
}

// TestProvenanceElsewhere: a URL that differs from the file's in one part is not found.
func TestProvenanceElsewhere(t *testing.T) {
	p := newProven(t)
	other := p.Project("other")
	p.Add(other, indextest.File{File: catalog.File{Filename: "other-1.0.tar.gz", Version: "1.0"}, Content: "other"})
	for _, target := range []string{
		"/integrity/other/3.0%2Ba/" + p.file.Filename, "/integrity/de-mo/3.0/" + p.file.Filename,
		"/integrity/de-mo/junk/" + p.file.Filename,
		"/integrity/de-mo/3.0%2Ba/De_Mo-3.0%2Ba-py3-none-any.whl", "/integrity/de-mo/3.0%2Ba/" + p.said.Filename,
		"/integrity/-/3.0%2Ba/" + p.file.Filename,
	} {
		if w := call(p.handler, "GET /team"+target+"/provenance"); w.Code != 404 {
			t.Errorf("GET %s = %d %s, want 404", target, w.Code, w.Body)
		}
	}
}

// TestProvenanceHidden: the provenance of a hidden file is hidden too.
func TestProvenanceHidden(t *testing.T) {
	p := newProven(t)
	secret := p.Hidden("secret")
	hidden := p.Project("hidden", secret)
	f := p.Add(hidden, indextest.File{
		File: catalog.File{Filename: "hidden-1.0.tar.gz", Version: "1.0", Attested: true}, Content: "hidden",
	})[0]
	p.Attest(f, catalog.Attestation{
		Predicate: "a", Document: "{}", Verified: true, Publisher: map[string]any{"kind": "GitHub"},
	})
	target := "GET /team/r/secret/integrity/hidden/1.0/hidden-1.0.tar.gz/provenance"
	if w := call(p.handler, target, "Authorization", basic(p.Token(access.Reader, secret.ID, hidden.ID))); w.Code != 200 {
		t.Fatalf("a user with a grant gets %d", w.Code)
	}
	auth := basic(p.Token(access.NoRole, "", ""))
	a := call(p.handler, target, "Authorization", auth)
	b := call(p.handler, "GET /team/r/secret/integrity/none/1.0/none-1.0.tar.gz/provenance", "Authorization", auth)
	if a.Code != 404 || a.Body.String() != b.Body.String() || a.Header().Get("ETag") != "" {
		t.Errorf("hidden = %d %s, missing = %d %s", a.Code, a.Body, b.Code, b.Body)
	}
	if w := call(p.handler, target); w.Code == 200 {
		t.Errorf("an anonymous client gets %d %s", w.Code, w.Body)
	}
	tag := call(p.handler, "GET "+provenPath).Header().Get("ETag")
	p.Change(p.project, func(c *catalog.Project) { c.Status = catalog.Quarantined })
	for _, held := range []string{"", tag, "*"} {
		if w := call(p.handler, "GET "+provenPath, "If-None-Match", held); w.Code != 404 {
			t.Errorf("of a quarantined project, If-None-Match %q = %d, want 404", held, w.Code)
		}
	}
}
