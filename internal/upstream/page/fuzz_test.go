package page_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// maxFuzzed keeps one fuzzed input short, in bytes.
const maxFuzzed = 256 << 10

// checkParse parses body, and requires of what is accepted that it can be kept, served and found again. A page is
// never more than a few times its body, beside one base for each link.
func checkParse(t *testing.T, body []byte, contentType string) {
	if len(body) > maxFuzzed {
		t.Skip()
	}
	name := project(t, "foo")
	start := time.Now()
	p, err := page.Parse(body, contentType, address(t, "https://up.example/simple/foo/"), name, page.Bounds{Files: 2000})
	if d := time.Since(start); d > 10*time.Second {
		t.Fatalf("Parse of %d bytes takes %v", len(body), d)
	}
	if err != nil {
		if len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Fatalf("unfit error %q", err)
		}
		return
	}
	size := len(p.StatusReason)
	known := map[string]bool{}
	for _, f := range p.Files {
		checkFile(t, p, f, name)
		if known[f.Filename] {
			t.Fatalf("%s is there twice", f.Filename)
		}
		known[f.Filename] = true
		size += len(f.URL) + len(f.Filename) + len(f.RequiresPython) + len(f.YankedReason) + len(f.Provenance) - 100
	}
	if len(p.Files)+p.Dropped > 2000 || size > 4*len(body)+1000 {
		t.Fatalf("%d bytes become a page of %d files, %d dropped, with %d bytes of text", len(body), len(p.Files), p.Dropped,
			size)
	}
	if diff := cmp.Diff(p, decoded(t, p.Encode())); diff != "" {
		t.Fatalf("Decode: difference %s", diff)
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	merged := page.Merge(page.Page{}, p, now)
	if err := decoded(t, merged.Encode()).Check(name); err != nil {
		t.Fatalf("Check of what Parse accepts: %v", err)
	}
	if diff := cmp.Diff(merged, page.Merge(merged, p, now.AddDate(0, 0, 1))); diff != "" {
		t.Fatalf("Merge with the same page: difference %s", diff)
	}
}

func checkFile(t *testing.T, p page.Page, f page.File, name packaging.ProjectName) {
	if _, err := packaging.ParseFilename(f.Filename, name); err != nil {
		t.Fatalf("the page has the file %q: %v", f.Filename, err)
	}
	if !slices.Contains(page.Projects(f.Filename), name) {
		t.Fatalf("Projects(%q) = %v", f.Filename, page.Projects(f.Filename))
	}
	for _, link := range []string{f.URL, f.Provenance} {
		u, err := url.Parse(link)
		switch {
		case link == "" && link == f.Provenance:
		case err != nil || u.User != nil || u.Fragment != "" || u.Hostname() == "" ||
			u.Scheme != "http" && u.Scheme != "https":
			t.Fatalf("the page has the URL %q, %v", link, err)
		case strings.ContainsFunc(link, func(c rune) bool { return c <= ' ' || c > '~' }):
			t.Fatalf("the page has the URL %q", link)
		}
	}
	if f.SHA256 != "" && len(f.SHA256) != 64 || f.Size < -1 || len(f.YankedReason) > 1000 || len(f.RequiresPython) > 1000 {
		t.Fatalf("the page has the file %+v", f)
	}
	if text := f.YankedReason + f.RequiresPython; !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") {
		t.Fatalf("the page has the texts %q and %q", f.YankedReason, f.RequiresPython)
	}
	for _, base := range []string{"", "https://up.example/", "https://files.example/x"} {
		path := f.Path(base)
		if found, ok := p.Find(path, base); !ok || found.URL != f.URL {
			t.Fatalf("Find(%q) = %+v, %v", path, found, ok)
		}
		if at, ok := page.URLOf(path, page.Base(f.URL, base)); ok && at != f.URL {
			t.Fatalf("URLOf(%q) = %q, want %q", path, at, f.URL)
		}
		here := "https://index.example/packages/up/" + path
		u, err := url.Parse(here)
		if err != nil || u.String() != here || u.JoinPath().String() != here || u.RawQuery != "" ||
			!strings.HasSuffix(here, "/"+f.Filename) {
			t.Fatalf("Path of %q is %q, %v", f.URL, path, err)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(filesOf(wheel("1.0", `,"yanked":"x","size":7,"core-metadata":{"sha256":"`+digestC+`"}`),
		wheel("1.0", ""))))
	f.Add([]byte(filesOf(wheel("1.0", `,"upload-time":"2024-05-06T07:08:09.123456Z","provenance":"p","gpg-sig":true`),
		`{}`, `7`)))
	f.Add([]byte(`{"meta":{"api-version":"1.4","_last-serial":"5"},"name":"Foo","project-status":{"status":"archived","reason":"\ud800"},"files":[` +
		`{"filename":"foo-1.0-1.zip","url":"//u:p@h/` + hexPath + `foo-1.0-1.zip","hashes":null,"requires-python":">=3"}]}`))
	f.Add(generated("foo", 2))
	f.Fuzz(func(t *testing.T, body []byte) { checkParse(t, body, jsonType) })
}

func FuzzParseHTML(f *testing.F) {
	f.Add([]byte(`<meta name="pypi:repository-version" content="1.0"><base href="/x/"><a href="foo-1.0.zip#sha256=` +
		digestA +
		`" data-yanked data-requires-python="&gt;=3" data-gpg-sig="true">foo-1.0.zip</a>`))
	f.Add([]byte(`<title>Links for foo</title><a href="` + hexPath + `foo-1.0%2Ba.tar.gz" data-core-metadata="sha256=` +
		digestC + `">x</a>`))
	f.Add([]byte(`<h1>root/dev: links for foo</h1><a href="?x" data-provenance="//h/p">foo-1.0.zip</a><a><script></a>`))
	f.Fuzz(func(t *testing.T, body []byte) { checkParse(t, body, htmlType) })
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(`{"meta":{"api-version":"1.0"},"projects":[{"name":"foo"},{"name":"Bar"},{},7]}`))
	f.Add([]byte(`<meta name="pypi:repository-version" content="1.0"><a href="/simple/foo/">Foo</a>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > maxFuzzed {
			t.Skip()
		}
		n, err := page.ParseList(body, "", page.Bounds{Names: 2000})
		if err != nil {
			return
		}
		again, err := page.DecodeNames(n.Encode())
		if err != nil || again.Count() != n.Count() || n.Count() > 2000 {
			t.Fatalf("%d names come back as %d, %v", n.Count(), again.Count(), err)
		}
	})
}

// FuzzDecode: damaged bytes of both formats give an error, or a page that is kept as it is and is not much larger.
func FuzzDecode(f *testing.F) {
	p, err := page.Parse(generated("foo", 3), jsonType, nil, project(f, "foo"), page.Bounds{})
	if err != nil {
		f.Fatal(err)
	}
	p = page.Merge(page.Merge(page.Page{}, p, monday), filesAt(sdist("1", digestA)), friday)
	f.Add(p.Encode())
	f.Add(page.Page{Status: "archived", StatusReason: "x", Serial: "5", Dropped: 2}.Encode())
	f.Add(plain(f, p))
	f.Add(page.Leave(p, friday).Encode())
	f.Add(plain(f, filesAt(sdist("1", digestA), sdist("2", ""))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzzed {
			t.Skip()
		}
		p, err := page.Decode(b)
		if err != nil {
			return
		}
		if len(p.Files)+len(p.Gone) > 200*len(b)+64<<10 {
			t.Fatalf("%d bytes become %d files", len(b), len(p.Files)+len(p.Gone))
		}
		if diff := cmp.Diff(p, decoded(t, p.Encode())); diff != "" {
			t.Fatalf("Decode of Encode: difference %s", diff)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add(page.NewNames(project(f, "foo"), project(f, "bar")).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := page.DecodeNames(b); err == nil && !slices.Equal(n.Encode(), b) {
			t.Fatalf("DecodeNames(%x) encodes as %x", b, n.Encode())
		}
	})
}

// plain returns a record of the page that is not compressed, so that fuzzing reaches its columns.
func plain(t testing.TB, p page.Page) []byte {
	t.Helper()
	raw, err := page.Expand(p.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{page.FormatPlain}, raw...)
}
