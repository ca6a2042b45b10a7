package page_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// A page with one bad file costs that file, not the project.
func TestABadFileCostsThatFileAlone(t *testing.T) {
	good := wheel("1.0", "")
	for _, c := range []struct{ name, bad string }{
		{"no object", `"foo-2.0.tar.gz"`},
		{"a list", `["foo-2.0.tar.gz"]`},
		{"null", `null`},
		{"nothing in it", `{}`},
		{"no name", `{"url":"/f/foo-2.0.tar.gz","hashes":{}}`},
		{"a name that is a number", `{"filename":2,"url":"/f/foo-2.0.tar.gz","hashes":{}}`},
		{"no URL", `{"filename":"foo-2.0.tar.gz","hashes":{}}`},
		{"a URL that is null", `{"filename":"foo-2.0.tar.gz","url":null,"hashes":{}}`},
		{"hashes that are a text", `{"filename":"foo-2.0.tar.gz","url":"/f/foo-2.0.tar.gz","hashes":"sha256"}`},
		{"a short digest", `{"filename":"foo-2.0.tar.gz","url":"/f/foo-2.0.tar.gz","hashes":{"sha256":"a1b2"}}`},
		{
			"a digest of other letters",
			`{"filename":"foo-2.0.tar.gz","url":"/f/x","hashes":{"sha256":"` + strings.Repeat("g", 64) + `"}}`,
		},
		{"an empty digest", `{"filename":"foo-2.0.tar.gz","url":"/f/x","hashes":{"sha256":""}}`},
		{"two digests", `{"filename":"foo-2.0.tar.gz","url":"/f/x","hashes":{"sha256":"` + digestA + `","sha256":"` +
			digestB + `"}}`},
		{"two names", `{"filename":"foo-2.0.tar.gz","filename":"foo-2.1.tar.gz","url":"/f/x","hashes":{}}`},
		{"two names, one escaped", `{"filename":"foo-2.0.tar.gz","\u0066ilename":"foo-2.1.tar.gz","url":"/f/x","hashes":{}}`},
		{"yanked is a number", wheel("2.0", `,"yanked":1`)},
		{"yanked is an object", wheel("2.0", `,"yanked":{"reason":"x"}`)},
		{"requires-python is a list", wheel("2.0", `,"requires-python":[">=3"]`)},
		{"requires-python has two lines", wheel("2.0", `,"requires-python":">=3\n<4"`)},
		{"requires-python is long", wheel("2.0", `,"requires-python":"`+strings.Repeat("1", 1001)+`"`)},
		{"a long name", strings.ReplaceAll(wheel("2.0", ""), "py3-none", strings.Repeat("p", 250)+"-none")},
		{"a name with a path", `{"filename":"../foo-2.0.tar.gz","url":"/f/x","hashes":{}}`},
		{"a name with a line end", `{"filename":"foo-2.0.tar.gz\n","url":"/f/x","hashes":{}}`},
		{"an egg", `{"filename":"foo-2.0-py2.7.egg","url":"/f/x","hashes":{}}`},
		{"a Windows installer", `{"filename":"foo-2.0.win32-py2.7.exe","url":"/f/x","hashes":{}}`},
		{"a version that is none", `{"filename":"foo-latest.tar.gz","url":"/f/x","hashes":{}}`},
		{
			"a tag set without end",
			wheel("2.0", "")[:20] + strings.Repeat("a.", 90) + `x-none-any.whl","url":"/f/x","hashes":{}}`,
		},
		{"a file of another project", `{"filename":"bar-2.0.tar.gz","url":"/f/x","hashes":{}}`},
		{"a file of a longer name", `{"filename":"foo_bar-2.0-py3-none-any.whl","url":"/f/x","hashes":{}}`},
		{"a file of a shorter name", `{"filename":"fo-2.0-py3-none-any.whl","url":"/f/x","hashes":{}}`},
	} {
		p, err := read(t, filesOf(c.bad, good, c.bad), jsonType)
		if err != nil || len(p.Files) != 1 || p.Files[0].Version != "1.0" || p.Dropped != 2 {
			t.Errorf("%s: Parse = %d files, %d dropped, %v; want 1 and 2", c.name, len(p.Files), p.Dropped, err)
		}
	}
}

// Values that PEP 691 and 700 do not allow, or that clients stop on, are left out of the file.
func TestUnusableOptionalValuesAreLeftOut(t *testing.T) {
	for _, more := range []string{
		`,"size":"4711"`, `,"size":null`, `,"size":-1`, `,"size":1.5`, `,"size":99999999999999999999`, `,"size":true`,
		`,"size":[1]`,
	} {
		if f := one(t, more); f.Size != -1 {
			t.Errorf("%s: size %d, want -1", more, f.Size)
		}
	}
	if f := one(t, `,"size":0`); f.Size != 0 {
		t.Errorf("a size of 0 reads as %d", f.Size)
	}
	for _, at := range []string{
		`null`, `""`, `"yesterday"`, `"2024-05-06"`, `"2024-05-06T07:08:09"`, `"2024-05-06T07:08:09.5"`,
		`"2024-05-06 07:08:09Z"`,
		`"2024-13-06T07:08:09Z"`, `1714979289`, `{}`, `["2024-05-06T07:08:09Z"]`,
	} {
		if f := one(t, `,"upload-time":`+at); !f.Uploaded.IsZero() {
			t.Errorf("upload time %s reads as %v", at, f.Uploaded)
		}
	}
	for _, c := range []struct {
		text string
		want time.Time
	}{
		{"2024-05-06T07:08:09Z", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)},
		{"2024-05-06T07:08:09.1Z", time.Date(2024, 5, 6, 7, 8, 9, 100000000, time.UTC)},
		{"2024-05-06T07:08:09.123456789Z", time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)},
		{"2024-05-06T09:08:09+02:00", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)},
	} {
		if f := one(t, `,"upload-time":"`+c.text+`"`); !f.Uploaded.Equal(c.want) {
			t.Errorf("upload time %s reads as %v, want %v", c.text, f.Uploaded, c.want)
		}
	}
	for _, more := range []string{`,"requires-python":null`, `,"requires-python":"  "`, ``} {
		if f := one(t, more); f.RequiresPython != "" {
			t.Errorf("%s: requires-python %q", more, f.RequiresPython)
		}
	}
	for _, more := range []string{`,"gpg-sig":null`, `,"gpg-sig":"yes"`, `,"gpg-sig":[]`} {
		p := parsed(t, filesOf(wheel("1.0", more)), jsonType)
		if len(p.Files) == 1 && p.Files[0].Signed != nil {
			t.Errorf("%s: signed %v", more, *p.Files[0].Signed)
		}
	}
}

// PEP 592 has the attribute data-yanked without a value for a yank without a reason. Indexes that copy the attribute
// to JSON write "", which PEP 691 does not allow. Clients that take it as not yanked would install a yanked file.
func TestYankedWithoutAReasonIsYanked(t *testing.T) {
	for _, c := range []struct {
		json, html, reason string
		yanked             bool
	}{
		{`,"yanked":"broken"`, ` data-yanked="broken"`, "broken", true},
		{`,"yanked":true`, ` data-yanked`, "", true},
		{`,"yanked":""`, ` data-yanked=""`, "", true},
		{`,"yanked":" \n"`, ` data-yanked=" "`, "", true},
		{`,"yanked":"false"`, ` data-yanked="false"`, "false", true},
		{`,"yanked":"two\nlines\u0000"`, " data-yanked='two\nlines'", "two lines", true},
		{`,"yanked":"<b>\ud800"`, ` data-yanked="&lt;b&gt;&#xFFFD;"`, "<b>\uFFFD", true},
		{`,"yanked":false`, ``, "", false},
		{`,"yanked":null`, ``, "", false},
		{``, ``, "", false},
	} {
		if f := one(t, c.json); f.Yanked != c.yanked || f.YankedReason != c.reason {
			t.Errorf("JSON %s: yanked %v, reason %q", c.json, f.Yanked, f.YankedReason)
		}
		p := parsed(t, `<a href="foo-1.0.tar.gz"`+c.html+`>foo-1.0.tar.gz</a>`, htmlType)
		if f := p.Files[0]; f.Yanked != c.yanked || f.YankedReason != c.reason {
			t.Errorf("HTML%s: yanked %v, reason %q", c.html, f.Yanked, f.YankedReason)
		}
	}
	long := one(t, `,"yanked":"`+strings.Repeat("é", 3000)+`"`)
	if len(long.YankedReason) != 1000 || strings.Contains(long.YankedReason, "\uFFFD") {
		t.Errorf("a long reason reads as %d bytes", len(long.YankedReason))
	}
}

func TestCoreMetadataInEveryForm(t *testing.T) {
	for _, c := range []struct {
		json, html, sha256 string
		has                bool
	}{
		{`,"core-metadata":{"sha256":"` + digestC + `"}`, ` data-core-metadata="sha256=` + digestC + `"`, digestC, true},
		{
			`,"core-metadata":{"sha256":"` + strings.ToUpper(digestC) + `"}`,
			` data-core-metadata="sha256=` + strings.ToUpper(digestC) + `"`, digestC, true,
		},
		{`,"core-metadata":true`, ` data-core-metadata="true"`, "", true},
		{`,"core-metadata":{"md5":"x"}`, ` data-core-metadata="md5=x"`, "", true},
		{`,"core-metadata":false`, ` data-core-metadata="false"`, "", false},
		{`,"core-metadata":null`, ``, "", false},
		{`,"core-metadata":"true"`, ` data-core-metadata="yes"`, "", false},
		{`,"core-metadata":{"sha256":"short"}`, ` data-core-metadata="sha256=short"`, "", false},
		{`,"core-metadata":{"sha256":5}`, ` data-core-metadata="sha256="`, "", false},
		{
			`,"dist-info-metadata":{"sha256":"` + digestC + `"}`, ` data-dist-info-metadata="sha256=` + digestC + `"`, digestC,
			true,
		},
		{
			`,"data-dist-info-metadata":{"sha256":"` + digestC + `"}`, ` data-dist-info-metadata="sha256=` + digestC + `"`,
			digestC, true,
		},
		{
			`,"dist-info-metadata":true,"core-metadata":false`, ` data-dist-info-metadata="true" data-core-metadata="false"`,
			"", false,
		},
		{
			`,"core-metadata":{"sha256":"` + digestC + `"},"dist-info-metadata":false`,
			` data-core-metadata="sha256=` + digestC + `" data-dist-info-metadata="false"`, digestC, true,
		},
		{``, ``, "", false},
	} {
		if f := one(t, c.json); f.Metadata != c.has || f.MetadataSHA256 != c.sha256 {
			t.Errorf("JSON %s: metadata %v, digest %q", c.json, f.Metadata, f.MetadataSHA256)
		}
		p := parsed(t, `<a href="foo-1.0.tar.gz"`+c.html+`>foo-1.0.tar.gz</a>`, htmlType)
		if f := p.Files[0]; f.Metadata != c.has || f.MetadataSHA256 != c.sha256 {
			t.Errorf("HTML%s: metadata %v, digest %q", c.html, f.Metadata, f.MetadataSHA256)
		}
	}
}

func TestDigests(t *testing.T) {
	for _, c := range []struct{ json, fragment, want string }{
		{`{"sha256":"` + digestA + `"}`, "#sha256=" + digestA, digestA},
		{`{"sha256":"` + strings.ToUpper(digestA) + `"}`, "#sha256=" + strings.ToUpper(digestA), digestA},
		{`{"md5":"x","sha512":"y","sha256":"` + digestA + `"}`, "#egg=foo&sha256=" + digestA, digestA},
		{`{"blake2b":"` + digestB + digestB + `"}`, "#blake2b=" + digestB, ""},
		{`{"md5":5}`, "#md5=5", ""},
		{`{}`, "", ""},
		{`null`, "#", ""},
	} {
		p := parsed(t, filesOf(`{"filename":"foo-1.0.tar.gz","url":"/f/foo-1.0.tar.gz","hashes":`+c.json+`}`), jsonType)
		if len(p.Files) != 1 || p.Files[0].SHA256 != c.want {
			t.Errorf("hashes %s: %+v", c.json, p.Files)
		}
		p = parsed(t, `<a href="foo-1.0.tar.gz`+c.fragment+`">foo-1.0.tar.gz</a>`, htmlType)
		if len(p.Files) != 1 || p.Files[0].SHA256 != c.want || strings.Contains(p.Files[0].URL, "#") {
			t.Errorf("fragment %s: %+v", c.fragment, p.Files)
		}
	}
	// pip takes the first of two fragments, other readers the last
	p := parsed(t, `<h1>Links for foo</h1><a href="foo-1.0.tar.gz#sha256=`+digestA+`&sha256=`+digestB+`">x</a>`, htmlType)
	if len(p.Files) != 0 || p.Dropped != 1 {
		t.Errorf("two digests in a fragment: %+v", p)
	}
	// without any hashes
	if p := parsed(t, filesOf(`{"filename":"foo-1.0.tar.gz","url":"foo-1.0.tar.gz"}`), jsonType); len(p.Files) != 1 {
		t.Errorf("a file without hashes: %+v", p)
	}
}

func TestLinksAreResolved(t *testing.T) {
	const name = "foo-1.0+a-py3-none-any.whl"
	for _, c := range []struct{ link, want string }{
		{"https://files.example/f/" + name, "https://files.example/f/" + name},
		{"http://files.example:8080/f/" + name, "http://files.example:8080/f/" + name},
		{"HTTPS://files.example/" + name, "https://files.example/" + name},
		{"//files.example/f/" + name, "https://files.example/f/" + name},
		{"/f/" + name, "https://up.example/f/" + name},
		{name, "https://up.example/simple/foo/" + name},
		{"../../f/" + name, "https://up.example/f/" + name},
		{"  /f/" + name + "\n", "https://up.example/f/" + name},
		{"/f/foo-1.0%2Ba-py3-none-any.whl", "https://up.example/f/foo-1.0%2Ba-py3-none-any.whl"},
		{"/a%20b/" + name, "https://up.example/a%20b/" + name},
		{"/a b/" + name, "https://up.example/a%20b/" + name},
		{"/é/" + name, "https://up.example/%C3%A9/" + name},
		{"/f/" + name + "?token=1", "https://up.example/f/" + name + "?token=1"},
		{"https://user:secret@files.example/f/" + name, "https://files.example/f/" + name},
		{"https://[::1]:8443/" + name, "https://[::1]:8443/" + name},
		{"ftp://files.example/" + name, ""},
		{"file:///etc/" + name, ""},
		{"javascript:alert(1)//" + name, ""},
		{"data:text/plain," + name, ""},
		{"https:" + name, ""},
		{"https:///" + name, ""},
		{"https://:443/" + name, ""},
		{"https://files.example\\@evil.example/" + name, ""},
		{"https://exámple/" + name, "https://ex%C3%A1mple/" + name},
		{"https://files.example/%zz/" + name, ""},
		{"https://files.example/" + strings.Repeat("a/", 2048) + name, ""},
		{"", ""},
	} {
		p := parsed(t, filesOf(fmt.Sprintf(`{"filename":%q,"url":%q,"hashes":{}}`, name, c.link)), jsonType)
		got := ""
		if len(p.Files) == 1 {
			got = p.Files[0].URL
		}
		if got != c.want || len(p.Files)+p.Dropped != 1 {
			t.Errorf("JSON: %.100q resolves to %q, %d dropped, want %q", c.link, got, p.Dropped, c.want)
		}
		p = parsed(t, `<h1>Links for foo</h1><a href="`+c.link+`">`+name+`</a>`, htmlType)
		if got = ""; len(p.Files) == 1 {
			got = p.Files[0].URL
		}
		if got != c.want {
			t.Errorf("HTML: %.100q resolves to %q, want %q", c.link, got, c.want)
		}
	}
}

func TestLinksNeverCarryTheCredentialOfThePage(t *testing.T) {
	at := address(t, "https://user:secret@up.example/simple/foo/")
	p, err := page.Parse([]byte(filesOf(wheel("1.0", `,"provenance":"/p"`))), jsonType, at, project(t, "foo"),
		page.Bounds{})
	if err != nil || strings.Contains(fmt.Sprintf("%+v", p), "secret") || p.Files[0].Provenance != "https://up.example/p" {
		t.Errorf("Parse = %+v, %v", p, err)
	}
	if at.User == nil {
		t.Error("Parse has changed the URL")
	}
	body := []byte(filesOf(wheel("1.0", "")))
	if _, err := page.Parse(body, jsonType, nil, project(t, "foo"), page.Bounds{}); err != nil {
		t.Errorf("Parse without a URL: %v", err)
	}
}

func TestBaseOfAnHTMLPage(t *testing.T) {
	const link = `<a href="f/foo-1.0.tar.gz">foo-1.0.tar.gz</a>`
	for _, c := range []struct{ head, want string }{
		{``, "https://up.example/simple/foo/f/foo-1.0.tar.gz"},
		{`<base href="https://files.example/x/">`, "https://files.example/x/f/foo-1.0.tar.gz"},
		{`<base href="https://user:secret@files.example/x/">`, "https://files.example/x/f/foo-1.0.tar.gz"},
		{`<BASE HREF="/x/y">`, "https://up.example/x/f/foo-1.0.tar.gz"},
		{`<base href="//files.example/">`, "https://files.example/f/foo-1.0.tar.gz"},
		{`<base target="_blank"><base href="/x/"/>`, "https://up.example/x/f/foo-1.0.tar.gz"},
		{`<base href="/x/"><base href="/y/">`, "https://up.example/x/f/foo-1.0.tar.gz"},
		{`<!-- <base href="/x/"> -->`, "https://up.example/simple/foo/f/foo-1.0.tar.gz"},
		{`<base href="javascript:x">`, ""},
	} {
		p := parsed(t, c.head+link, htmlType)
		got := ""
		if len(p.Files) == 1 {
			got = p.Files[0].URL
		}
		if got != c.want {
			t.Errorf("%s: the link resolves to %q, want %q", c.head, got, c.want)
		}
	}
}

func TestLinksOfAnHTMLPage(t *testing.T) {
	for _, c := range []struct {
		name, html, file string
		dropped          int
	}{
		{"the URL has the name", `<a href="/x/foo-1.0.tar.gz">download</a>`, "foo-1.0.tar.gz", 0},
		{"the text has the name", `<a href="/get?id=7">foo-1.0.tar.gz</a>`, "foo-1.0.tar.gz", 0},
		{"both have a name", `<a href="/x/foo-1.0.tar.gz">foo-2.0.tar.gz</a>`, "foo-1.0.tar.gz", 0},
		{"an escaped plus", `<a href="foo-1.0%2Ba.tar.gz">foo-1.0+a.tar.gz</a>`, "foo-1.0+a.tar.gz", 0},
		{"entities", `<a href="foo-1.0&#43;a.tar.gz">x</a>`, "foo-1.0+a.tar.gz", 0},
		{"upper case and no quotes", `<A class=x HREF=foo-1.0.tar.gz>foo-1.0.tar.gz</A>`, "foo-1.0.tar.gz", 0},
		{"never closed", `<a href="foo-1.0.tar.gz">foo-1.0.tar.gz`, "foo-1.0.tar.gz", 0},
		{"two hrefs", `<a href="foo-1.0.tar.gz" href="foo-2.0.tar.gz">x</a>`, "foo-1.0.tar.gz", 0},
		{"another project", `<a href="bar-1.0.tar.gz">bar-1.0.tar.gz</a>`, "", 1},
		{"another project's file under our name", `<a href="bar-1.0.zip">foo-1.0.zip</a>`, "foo-1.0.zip", 0},
		{"a signature", `<a href="foo-1.0.tar.gz.asc">foo-1.0.tar.gz.asc</a>`, "", 0},
		{"a place on the page", `<a href="#foo-1.0.tar.gz">foo-1.0.tar.gz</a>`, "", 0},
		{"the folder above", `<a href="../">..</a>`, "", 0},
		{"a comment", `<!-- <a href="foo-1.0.tar.gz">foo-1.0.tar.gz</a> -->`, "", 0},
		{"a script", `<script>"<a href='foo-1.0.tar.gz'>foo-1.0.tar.gz</a>"</script>`, "", 0},
		{"no target", `<a name="foo-1.0.tar.gz">foo-1.0.tar.gz</a>`, "", 0},
	} {
		p := parsed(t, `<title>Links for foo</title>`+c.html, htmlType)
		got := ""
		if len(p.Files) == 1 {
			got = p.Files[0].Filename
		}
		if got != c.file || p.Dropped != c.dropped {
			t.Errorf("%s: file %q, %d dropped, want %q, %d", c.name, got, p.Dropped, c.file, c.dropped)
		}
	}
}

func TestOldFileNamesAreKept(t *testing.T) {
	for _, c := range []struct {
		file, version string
		kind          packaging.Kind
	}{
		{"foo-1.0.zip", "1.0", packaging.SDist},
		{"Foo-1.0.tar.bz2", "1.0", packaging.SDist},
		{"FOO-1.0.tgz", "1.0", packaging.SDist},
		{"foo-1.0-1.tar.gz", "1.0.post1", packaging.SDist},
		{"foo-v1.0.tar.gz", "1.0", packaging.SDist},
		{"foo-1.0-2-py3-none-any.whl", "1.0", packaging.Wheel},
		{"foo-1.0rc1-cp27-none-linux_x86_64.whl", "1.0rc1", packaging.Wheel},
	} {
		p := parsed(t, filesOf(`{"filename":"`+c.file+`","url":"/f/`+c.file+`","hashes":{}}`), jsonType)
		if len(p.Files) != 1 {
			t.Errorf("%s: %d files", c.file, len(p.Files))
			continue
		}
		if f := p.Files[0]; f.Version != c.version || f.Kind != c.kind || f.Filename != c.file {
			t.Errorf("%s: %+v", c.file, f)
		}
	}
}

func TestOfTwoFilesOfOneNameTheFirstCounts(t *testing.T) {
	same := wheel("1.0", "")
	other := strings.ReplaceAll(same, digestA, digestB)
	bare := strings.ReplaceAll(same, `"sha256":"`+digestA+`"`, "")
	for _, c := range []struct {
		name    string
		files   []string
		digest  string
		dropped int
	}{
		{"the same", []string{same, same}, digestA, 0},
		{"another digest", []string{same, other}, digestA, 1},
		{"another digest, and the first again", []string{same, other, same, other}, digestA, 2},
		{"then none", []string{same, bare}, digestA, 1},
		{"first none", []string{bare, same}, "", 1},
		{"none twice", []string{bare, bare}, "", 1},
	} {
		p := parsed(t, filesOf(c.files...), jsonType)
		if len(p.Files) != 1 || p.Files[0].SHA256 != c.digest || p.Dropped != c.dropped {
			t.Errorf("%s: %d files, %d dropped, want 1 and %d", c.name, len(p.Files), p.Dropped, c.dropped)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct{ json, status, reason string }{
		{`{"status":"active"}`, "active", ""},
		{`{"status":"archived","reason":"done\n\u0007"}`, "archived", "done"},
		{`{"status":"deprecated","reason":""}`, "deprecated", ""},
		{`{"status":"quarantined","reason":null}`, "quarantined", ""},
		{`{"status":"sleeping","reason":"x"}`, "", ""},
		{`{"status":7}`, "", ""},
		{`{"reason":"x"}`, "", ""},
		{`"archived"`, "", ""},
		{`null`, "", ""},
	} {
		p := parsed(t, `{"meta":{"api-version":"1.4"},"name":"foo","files":[],"project-status":`+c.json+`}`, jsonType)
		if p.Status != c.status || p.StatusReason != c.reason {
			t.Errorf("%s: status %q, reason %q", c.json, p.Status, p.StatusReason)
		}
	}
}

func TestSerialIsTextOrNumber(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`12345`, "12345"},
		{`"12345"`, "12345"},
		{`0`, "0"},
		{`-1`, ""},
		{`1.5`, ""},
		{`1e9`, ""},
		{`""`, ""},
		{`"a"`, ""},
		{`null`, ""},
		{`{"a":1}`, ""},
		{`123456789012345678901`, ""},
	} {
		p := parsed(t, `{"meta":{"api-version":"1.4","_last-serial":`+c.json+`},"name":"foo","files":[]}`, jsonType)
		if p.Serial != c.want {
			t.Errorf("_last-serial %s reads as %q, want %q", c.json, p.Serial, c.want)
		}
	}
}

func TestBounds(t *testing.T) {
	many := make([]string, 11)
	for i := range many {
		many[i] = wheel(fmt.Sprint(i), "")
	}
	deep := func(n int) string {
		return `{"meta":{"api-version":"1.0"},"name":"foo","x":` + strings.Repeat(`[`, n) + strings.Repeat(`]`, n) +
			`,"files":[]}`
	}
	links := strings.Repeat(`<a href="foo-1.0.tar.gz">foo-1.0.tar.gz</a>`, 11)
	for _, c := range []struct {
		name, contentType, body string
		good                    bool
	}{
		{"ten files", jsonType, filesOf(many[:10]...), true},
		{"eleven files", jsonType, filesOf(many...), false},
		{"eleven files of no use", jsonType, filesOf(strings.Split(strings.Repeat("{},", 10)+"{}", ",")...), false},
		{"eleven links", htmlType, links, false},
		{"nesting within bounds", jsonType, deep(7), true},
		{"deep nesting", jsonType, deep(8), false},
		{"bottomless nesting", jsonType, `{"x":` + strings.Repeat(`[`, 1_000_000), false},
		{"a tag without end", htmlType, `<a href="` + strings.Repeat("a", 1_000_000), false},
	} {
		at, b := address(t, "https://up.example/simple/foo/"), page.Bounds{Files: 10, Depth: 8}
		_, err := page.Parse([]byte(c.body), c.contentType, at, project(t, "foo"), b)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A redirect to a long URL must not turn a small page into a huge one.
func TestShortLinksBelowALongBaseAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 17_000 {
		fmt.Fprintf(&b, `,{"filename":"foo-%d.zip","url":"%d","hashes":{}}`, i, i)
	}
	at, err := url.Parse("https://up.example/" + strings.Repeat("a", 4000) + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = page.Parse([]byte(filesOf(b.String()[1:])), jsonType, at, project(t, "foo"), page.Bounds{})
	if err == nil {
		t.Error("Parse accepts 68 MB of URLs")
	}
}
