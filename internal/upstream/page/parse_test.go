package page_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

const (
	jsonType = "application/vnd.pypi.simple.v1+json"
	htmlType = "text/html; charset=utf-8"
)

var (
	digestA = strings.Repeat("a1", 32)
	digestB = strings.Repeat("b2", 32)
	digestC = strings.Repeat("c3", 32)
)

func project(t testing.TB, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func address(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// read parses a page of the project foo at https://up.example/simple/foo/.
func read(t testing.TB, body, contentType string) (page.Page, error) {
	t.Helper()
	at := address(t, "https://up.example/simple/foo/")
	return page.Parse([]byte(body), contentType, at, project(t, "foo"), page.Bounds{})
}

func parsed(t testing.TB, body, contentType string) page.Page {
	t.Helper()
	p, err := read(t, body, contentType)
	if err != nil {
		t.Fatalf("Parse(%.300s): %v", body, err)
	}
	return p
}

// filesOf returns a JSON page of foo with these files.
func filesOf(files ...string) string {
	return `{"meta":{"api-version":"1.1"},"name":"foo","files":[` + strings.Join(files, ",") + `]}`
}

// wheel is the JSON of a good file with more members.
func wheel(version, more string) string {
	name := "foo-" + version + "-py3-none-any.whl"
	return fmt.Sprintf(`{"filename":%q,"url":"/f/%s","hashes":{"sha256":%q}%s}`, name, name, digestA, more)
}

// one parses a page with a single file that has the additional members.
func one(t *testing.T, more string) page.File {
	t.Helper()
	p := parsed(t, filesOf(wheel("1.0", more)), jsonType)
	if len(p.Files) != 1 || p.Dropped != 0 {
		t.Fatalf("the page has %d files, %d dropped", len(p.Files), p.Dropped)
	}
	return p.Files[0]
}

func TestEveryFieldIsKeptFromJSON(t *testing.T) {
	body := `{"meta":{"api-version":"1.4","_last-serial":12345},"name":"Foo","versions":["1.0"],
	"project-status":{"status":"archived","reason":"use \"bar\""},"alternate-locations":[],"files":[{
	"filename":"foo-1.0-py3-none-any.whl","url":"https://files.example/f/foo-1.0-py3-none-any.whl",
	"hashes":{"sha256":"` + digestA + `","blake2b_256":"` + digestB + `"},"requires-python":">=3.9,<4","size":4711,
	"upload-time":"2024-05-06T07:08:09.123456Z","yanked":"broken","core-metadata":{"sha256":"` + digestC + `"},
	"data-dist-info-metadata":false,"provenance":"https://up.example/integrity/x","gpg-sig":false,"_new":{"a":[1]}}]}`
	no := false
	want := page.Page{
		Status:       "archived",
		StatusReason: `use "bar"`,
		Serial:       "12345",
		Files: []page.File{{
			Filename:       "foo-1.0-py3-none-any.whl",
			URL:            "https://files.example/f/foo-1.0-py3-none-any.whl",
			Kind:           packaging.Wheel,
			Version:        "1.0",
			SHA256:         digestA,
			Size:           4711,
			Uploaded:       time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC),
			RequiresPython: ">=3.9,<4",
			Yanked:         true,
			YankedReason:   "broken",
			Metadata:       true,
			MetadataSHA256: digestC,
			Provenance:     "https://up.example/integrity/x",
			Signed:         &no,
		}},
	}
	if diff := cmp.Diff(want, parsed(t, body, jsonType)); diff != "" {
		t.Errorf("Parse: difference (-want +got) %s", diff)
	}
}

func TestEveryFieldIsKeptFromHTML(t *testing.T) {
	body := `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4">
	<meta name="pypi:project-status" content="deprecated"><meta name="pypi:project-status-reason" content="old &amp; slow">
	<title>Links for foo</title></head><body><h1>Links for foo</h1>
	<!--SERIAL 12345--><a href="https://files.example/f/foo-1.0-py3-none-any.whl#sha256=` + digestA + `" data-requires-python="&gt;=3.9"
	data-yanked="bro&quot;ken" data-core-metadata="sha256=` + digestC + `" data-dist-info-metadata="false"
	data-provenance="https://up.example/integrity/x" data-gpg-sig="true">foo-1.0-py3-none-any.whl</a><br></body></html>`
	yes := true
	want := page.Page{
		Status:       "deprecated",
		StatusReason: "old & slow",
		Serial:       "12345",
		Files: []page.File{{
			Filename:       "foo-1.0-py3-none-any.whl",
			URL:            "https://files.example/f/foo-1.0-py3-none-any.whl",
			Kind:           packaging.Wheel,
			Version:        "1.0",
			SHA256:         digestA,
			Size:           -1,
			RequiresPython: ">=3.9",
			Yanked:         true,
			YankedReason:   `bro"ken`,
			Metadata:       true,
			MetadataSHA256: digestC,
			Provenance:     "https://up.example/integrity/x",
			Signed:         &yes,
		}},
	}
	if diff := cmp.Diff(want, parsed(t, body, htmlType)); diff != "" {
		t.Errorf("Parse: difference (-want +got) %s", diff)
	}
}

func TestFormatIsDecidedByContentTypeThenFirstBytes(t *testing.T) {
	object := filesOf(wheel("1.0", ""))
	markup := `<!DOCTYPE html><title>Links for foo</title><a href="foo-1.0.tar.gz">foo-1.0.tar.gz</a>`
	for _, c := range []struct {
		name, contentType, body string
		good                    bool
	}{
		{"JSON of the simple API", jsonType, object, true},
		{"JSON of the latest version", "application/vnd.pypi.simple.latest+json", object, true},
		{"JSON of a static server", "application/json", object, true},
		{"JSON without a type", "", object, true},
		{"JSON as bytes", "application/octet-stream", object, true},
		{"JSON that is said to be HTML", "text/html", object, true},
		{"JSON after a byte order mark and blanks", "", "\xef\xbb\xbf\r\n " + object, true},
		{"JSON of an unknown version", "application/vnd.pypi.simple.v2+json", object, false},
		{"HTML of the simple API", "application/vnd.pypi.simple.v1+html", markup, true},
		{"HTML", "text/html", markup, true},
		{"HTML without a type", "", markup, true},
		{"HTML with an unreadable type", "text_html", markup, true},
		{"HTML that is said to be JSON", jsonType, markup, false},
		{"HTML of an unknown version", "application/vnd.pypi.simple.v2+html", markup, false},
		{"text that is said to be JSON", jsonType, "ok", false},
		{"text that is said to be HTML", "text/html", "upstream connect error", false},
		{"nothing", jsonType, "", false},
		{"only blanks", "text/html", " \n", false},
		{"UTF-16", jsonType, "\xff\xfe{\x00}\x00", false},
		{"JSON that is not UTF-8", jsonType, filesOf(wheel("1.0", ",\"yanked\":\"\xff\"")), false},
	} {
		p, err := read(t, c.body, c.contentType)
		if (err == nil) != c.good || c.good && len(p.Files) != 1 {
			t.Errorf("%s: Parse = %d files, %v", c.name, len(p.Files), err)
		}
	}
}

func TestUnknownMajorVersionIsAnError(t *testing.T) {
	for _, c := range []struct {
		version string
		good    bool
	}{
		{`"1.0"`, true},
		{`"1.4"`, true},
		{`"1.99"`, true},
		{`1.0`, true},
		{`"2.0"`, false},
		{`2`, false},
		{`"10.0"`, false},
		{`"1.0.1"`, false},
		{`""`, false},
		{`null`, false},
		{`{}`, false},
	} {
		body := `{"meta":{"api-version":` + c.version + `},"name":"foo","files":[]}`
		if _, err := read(t, body, jsonType); (err == nil) != c.good {
			t.Errorf("JSON of version %s: %v", c.version, err)
		}
		content := strings.Trim(c.version, `"`)
		html := `<meta name="pypi:repository-version" content="` + content + `"><a href="foo-1.0.tar.gz">foo-1.0.tar.gz</a>`
		if _, err := read(t, html, htmlType); (err == nil) != c.good {
			t.Errorf("HTML of version %s: %v", c.version, err)
		}
	}
}

// Answers with status 200 that are no page of the project must not read as a project without files.
func TestAnErrorPageIsNoEmptyProject(t *testing.T) {
	for _, c := range []struct{ name, contentType, body string }{
		{
			"an HTML error page", htmlType,
			`<html><head><title>Error</title></head><body><h1>It is us, not you</h1></body></html>`,
		},
		{"an error page with links", htmlType, `<h1>Oops</h1><a href="/">Home</a> <a href="mailto:x@y.example">Write</a>`},
		{
			"a form for signing in", htmlType,
			`<title>Sign in</title><form><input name=user></form><a href="/reset">Forgot?</a>`,
		},
		{"a blank page", htmlType, `<!DOCTYPE html><html><body></body></html>`},
		{
			"a folder of other projects' files", htmlType,
			`<title>Index of /</title><a href="bar-1.0.tar.gz">bar-1.0.tar.gz</a>`,
		},
		{"an installer on a page for people", htmlType, `<a href="/client.exe">Download our app</a>`},
		{
			"the page of another project, with its files", htmlType,
			`<title>Links for bar</title><a href="bar-1.0.zip">bar-1.0.zip</a>`,
		},
		{"the page of another project", htmlType, `<title>Links for bar</title><h1>Links for bar</h1>`},
		{"an error as JSON", jsonType, `{"message":"internal error"}`},
		{"an empty object", jsonType, `{}`},
		{"an object without meta and name", jsonType, `{"files":[]}`},
		{"a page without files", jsonType, `{"meta":{"api-version":"1.0"},"name":"foo"}`},
		{"files that are null", jsonType, `{"meta":{"api-version":"1.0"},"name":"foo","files":null}`},
		{"files that are an object", jsonType, `{"meta":{"api-version":"1.0"},"name":"foo","files":{}}`},
		{"another project's JSON", jsonType, `{"meta":{"api-version":"1.0"},"name":"bar","files":[]}`},
		{"a name that is none", jsonType, `{"meta":{"api-version":"1.0"},"name":5,"files":[]}`},
		{"a list of projects", jsonType, `{"meta":{"api-version":"1.0"},"projects":[{"name":"foo"}]}`},
		{"half a page", jsonType, filesOf(wheel("1.0", ""))[:100]},
		{"a page with more behind it", jsonType, filesOf(wheel("1.0", "")) + "{}"},
		{"two lists of files", jsonType, `{"meta":{"api-version":"1.0"},"files":[],"name":"foo","files":[]}`},
		{"two names", jsonType, `{"meta":{"api-version":"1.0"},"files":[],"name":"foo","name":"foo"}`},
		{"a list", jsonType, `[]`},
		{"null", jsonType, `null`},
	} {
		if p, err := read(t, c.body, c.contentType); err == nil {
			t.Errorf("%s: Parse = %+v, want an error", c.name, p)
		}
	}
}

func TestAnEmptyProjectIsNoError(t *testing.T) {
	for _, c := range []struct{ name, contentType, body string }{
		{"JSON", jsonType, filesOf()},
		{"JSON without a name", jsonType, `{"meta":{"api-version":"1.0"},"files":[]}`},
		{"JSON without meta", jsonType, `{"name":"FOO","files":[]}`},
		{"HTML with a version", htmlType, `<meta name="pypi:repository-version" content="1.0"><h1>foo</h1>`},
		{
			"HTML with a title", htmlType,
			`<html><head><title>Links for Foo</title></head><body><h1>Links for Foo</h1></body></html>`,
		},
		{"HTML of a stage", htmlType, `<html><head><title>root/dev: links for foo</title></head><body></body></html>`},
		{"HTML with retired formats alone", htmlType, `<a href="foo-1.0-py2.7.egg">foo-1.0-py2.7.egg</a>`},
	} {
		p, err := read(t, c.body, c.contentType)
		if err != nil || len(p.Files) != 0 {
			t.Errorf("%s: Parse = %d files, %v", c.name, len(p.Files), err)
		}
	}
}
