package upstreamtest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

const accept = "application/vnd.pypi.simple.v1+json"

type answer struct {
	*http.Response
	body []byte
	err  error // of the body
}

// get asks without following redirects and without decompressing.
func get(t *testing.T, at string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Set(k, v)
	}
	c := &http.Client{
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := c.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	a := answer{Response: res}
	a.body, a.err = io.ReadAll(res.Body)
	return a
}

func parse(t *testing.T, s *upstreamtest.Server, a answer, project string) page.Page {
	t.Helper()
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(s.URL() + project + "/")
	p, err := page.Parse(a.body, a.Header.Get("Content-Type"), at, name, page.Bounds{})
	if err != nil {
		t.Fatalf("the page does not parse: %v\n%.500s", err, a.body)
	}
	return p
}

func digest(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }

// Both forms of a page state the same, and each URL leads to the bytes that it states.
func TestPages(t *testing.T) {
	for _, o := range []upstreamtest.Options{{}, {HTMLOnly: true}, {Folder: true, OneHost: true}, {Bare: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			s := upstreamtest.New(t, o)
			s.Add(packagingtest.Wheel("Acme.Tool", "1.0", "x", "Requires-Python: >=3.8"),
				packagingtest.SDist("acme-tool", "1.0", "x"), packagingtest.Wheel("acme-tool", "1.1", "x"))
			s.Change("acme-tool", func(p *upstreamtest.Project) {
				p.Status, p.StatusReason = "archived", `use "other"`
				p.Files[0].Yanked, p.Files[0].YankedReason = true, "counts <twice>"
				p.Files[2].Provenance = []byte(`{"version":1}`)
			})
			a := get(t, s.URL()+"acme-tool/", "Accept: "+accept)
			if isJSON := a.Header.Get("Content-Type") == accept; isJSON == o.HTMLOnly {
				t.Errorf("content type %s", a.Header.Get("Content-Type"))
			}
			p := parse(t, s, a, "acme-tool")
			if len(p.Files) != 3 || p.Dropped != 0 || p.Status != "archived" || p.StatusReason != `use "other"` {
				t.Fatalf("page: %+v", p)
			}
			for _, f := range p.Files {
				got := get(t, f.URL)
				if got.err != nil || digest(got.body) != f.SHA256 {
					t.Errorf("%s at %s: %v", f.Filename, f.URL, got.err)
				}
				if f.Filename == "Acme.Tool-1.0-py3-none-any.whl" && (!f.Yanked || f.YankedReason != "counts <twice>" ||
					f.RequiresPython != ">=3.8") && !o.Bare {
					t.Errorf("fields are lost: %+v", f)
				}
				if o.Bare {
					continue
				}
				if got := get(t, f.URL+".metadata"); digest(got.body) != f.MetadataSHA256 {
					t.Errorf("metadata of %s differs", f.Filename)
				}
				if f.Provenance != "" {
					if got := get(t, f.Provenance); string(got.body) != `{"version":1}` {
						t.Errorf("provenance: %s", got.body)
					}
				}
			}
			if part := get(t, p.Files[0].URL, "Range: bytes=2-5"); part.StatusCode != http.StatusPartialContent ||
				len(part.body) != 4 {
				t.Errorf("a range: %d, %d bytes", part.StatusCode, len(part.body))
			}
			if o.OneHost != strings.HasPrefix(p.Files[0].URL, s.Base()) {
				t.Errorf("files at %s, pages at %s", p.Files[0].URL, s.Base())
			}
			if to := get(t, s.URL()+"Acme_Tool").Header.Get("Location"); to != "/simple/acme-tool/" {
				t.Errorf("another spelling leads to %q", to)
			}
		})
	}
}

// A page that did not change is 304, in both ways to ask; a change moves serial and validator.
func TestValidators(t *testing.T) {
	for _, dated := range []bool{false, true} {
		s := upstreamtest.New(t, upstreamtest.Options{Dated: dated})
		s.Add(packagingtest.Wheel("demo", "1.0", "x"))
		first := get(t, s.URL()+"demo/", "Accept: "+accept)
		again := func() answer {
			return get(t, s.URL()+"demo/", "Accept: "+accept, "If-None-Match: "+first.Header.Get("ETag"),
				"If-Modified-Since: "+first.Header.Get("Last-Modified"))
		}
		if a := again(); a.StatusCode != http.StatusNotModified {
			t.Errorf("dated %v: %d, want 304", dated, a.StatusCode)
		}
		s.Fail(upstreamtest.Fault{Kind: upstreamtest.Truncated})
		if a := again(); a.StatusCode != http.StatusOK || a.err == nil {
			t.Errorf("dated %v: a truncated page = %d, %v", dated, a.StatusCode, a.err)
		}
		s.Mend()
		s.Add(packagingtest.Wheel("demo", "1.1", "x"))
		a := again()
		if a.StatusCode != http.StatusOK || a.Header.Get("X-PyPI-Last-Serial") <= first.Header.Get("X-PyPI-Last-Serial") {
			t.Errorf("after a change: %d, serial %s", a.StatusCode, a.Header.Get("X-PyPI-Last-Serial"))
		}
		s.Fail(upstreamtest.Fault{Kind: upstreamtest.LowerSerial})
		if b := again(); b.Header.Get("X-PyPI-Last-Serial") >= a.Header.Get("X-PyPI-Last-Serial") {
			t.Errorf("the serial is not lower: %s", b.Header.Get("X-PyPI-Last-Serial"))
		}
	}
}

func TestList(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{Catalog: upstreamtest.Catalog{Projects: 3, Files: 1}})
	s.Add(packagingtest.Wheel("demo", "1.0", "x"))
	var list struct{ Projects []struct{ Name string } }
	if err := json.Unmarshal(get(t, s.URL(), "Accept: "+accept).body, &list); err != nil || len(list.Projects) != 4 {
		t.Errorf("%v, %v", list, err)
	}
	if text := string(get(t, s.URL()).body); strings.Count(text, "<a href") != 4 {
		t.Errorf("HTML: %s", text)
	}
}

// A generated catalog has true digests on each page, and the stated spread of files.
func TestCatalog(t *testing.T) {
	c := upstreamtest.Catalog{Projects: 2000, Largest: 5000, Size: 100}
	s := upstreamtest.New(t, upstreamtest.Options{Catalog: c})
	total, small := 0, 0
	for n := 1; n < c.Projects; n++ {
		total += c.FilesOf(n)
		if c.FilesOf(n) < 325 {
			small++
		}
	}
	if mean := total / c.Projects; mean < 1100 || mean > 1400 || small < 950 || small > 1050 {
		t.Errorf("a mean of %d files, %d projects below the median", mean, small)
	}
	for _, project := range []string{"generated-0", "generated-17"} {
		p := parse(t, s, get(t, s.URL()+project+"/", "Accept: "+accept), project)
		if project == "generated-0" && len(p.Files) != 5000 {
			t.Errorf("%d files, want 5000", len(p.Files))
		}
		for _, i := range []int{0, len(p.Files) - 1} {
			f := p.Files[i]
			got := get(t, f.URL)
			if digest(got.body) != f.SHA256 || len(got.body) != 100 {
				t.Errorf("%s: %d, %d bytes, another digest", f.Filename, got.StatusCode, len(got.body))
			}
			if got := get(t, f.URL+".metadata"); digest(got.body) != f.MetadataSHA256 {
				t.Errorf("metadata of %s: %d", f.Filename, got.StatusCode)
			}
		}
	}
	if a := get(t, s.URL()+"generated-2000/"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a project beyond the last = %d", a.StatusCode)
	}
}

// Content that is read in pieces, from any offset, is the content that is read at once.
func TestGeneratedContent(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	f := s.AddGenerated("large", "1.0", 300_000)
	at := s.FileURL(f.Name)
	whole := get(t, at).body
	if digest(whole) != f.SHA256 || len(whole) != 300_000 {
		t.Fatal("another digest")
	}
	for _, from := range []int{0, 7, 16, 65535, 65536, 65540, 131072, 299_999} {
		if part := get(t, at, fmt.Sprintf("Range: bytes=%d-", from)).body; string(part) != string(whole[from:]) {
			t.Errorf("from %d the content differs", from)
		}
	}
}

func TestRecorder(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	w := packagingtest.Wheel("acme-tool", "1.0", "x")
	s.Add(w)
	get(t, s.URL()+"acme-tool-extra/")
	s.AssertNothingAsked(t, "acme-tool")
	for _, at := range []string{
		s.URL() + "Acme_Tool/", s.FileURL(w.Name), s.FileURL(w.Name) + ".metadata",
		s.FilesBase() + "/elsewhere/Acme.Tool-9.tar.gz", s.Base() + "/integrity/acme-tool/1.0/" + w.Name + "/provenance",
	} {
		s.Forget()
		get(t, at, "User-Agent: index/1")
		if s.Count("acme.tool") != 1 || len(s.Asked()) != 1 || s.Asked()[0].Header.Get("User-Agent") != "index/1" {
			t.Errorf("%s is not counted: %v", at, s.Asked())
		}
		other := &testing.T{}
		s.AssertNothingAsked(other, "acme-tool")
		if !other.Failed() {
			t.Errorf("%s was not noticed", at)
		}
	}
	if s.Count("acme-tool", upstreamtest.Page) != 0 || s.Count("acme-tool", upstreamtest.Provenance) != 1 {
		t.Errorf("kinds are mixed up: %v", s.Asked())
	}
}

func TestCredentials(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{Username: "reader", Password: "secret"})
	s.Add(packagingtest.Wheel("demo", "1.0", "x"))
	if a := get(t, s.URL()+"demo/"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a password = %d", a.StatusCode)
	}
	if a := get(t, s.URL()+"demo/", "Authorization: Basic cmVhZGVyOnNlY3JldA=="); a.StatusCode != http.StatusOK {
		t.Errorf("with it = %d", a.StatusCode)
	}
}
