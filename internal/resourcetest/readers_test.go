package resourcetest_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/readme"
	"pyindex/internal/resourcetest"
	"pyindex/internal/route"
	"pyindex/internal/strictjson"
)

type shapes = map[string]func(int) string

var repeated = resourcetest.Repeated

// A reader that is quadratic is found out, and one that is linear is not.
func TestLinear(t *testing.T) {
	word := shapes{"a word": repeated("", "a", "")}
	resourcetest.Linear(t, 64<<10, word, func(s string) { strings.Count(s, "b") })
	var found testing.T
	done := make(chan struct{})
	go func() {
		defer close(done)
		resourcetest.Linear(&found, 64<<10, word, func(s string) {
			var out string
			for i := range 4 << 10 {
				if i < len(s)>>6 {
					out += s[:64]
				}
			}
			_ = out
		})
	}()
	<-done
	if !found.Failed() {
		t.Error("a reader whose memory grows with the square was not found out")
	}
}

func TestReadmeResources(t *testing.T) {
	wide := func(cells int) func(int) string {
		return func(n int) string {
			k := n / cells
			return strings.Repeat("|a", k) + "\n" + strings.Repeat("|-", k) + "\n" + strings.Repeat("|\n", k)
		}
	}
	for kind, some := range map[string]shapes{
		"text/markdown": {
			"wide table": wide(6), "links": repeated("", "[a](b \"", ""), "brackets": repeated("", "[", "]"),
			"emphasis": repeated("", "*a **b ", ""),
			"code":     repeated("", "`a``", ""), "quotes": repeated("", "> > > a\n", ""), "html": repeated("", "<a b", ">"),
			"references":  repeated("[a]: b\n", "[a]", ""),
			"definitions": repeated("", "[a]: b\n", ""), "footnotes": repeated("[^1]: a\n\n", "[^1]", ""),
			"headings": repeated("", "# a\n", ""),
		},
		"text/x-rst": {
			"words": repeated("", "a-", ""), "roles": repeated("", ":a:", ""), "addresses": repeated("", "http://a:", ""),
			"substitutions": repeated(".. |a| replace:: b\n\n", "|a| ", ""),
			"long target":   repeated(".. _a: b\n", "   c\n", "\na_\n"), "no table": repeated("", "== ==\na\n\n", ""),
			"row":      repeated("== ==\na  b\n", "   c\n", "== ==\n"),
			"emphasis": repeated("", "*a ", ""), "literals": repeated("", "``a ", ""), "fields": repeated("", ":a: b\n", ""),
			"lists": repeated("", "- - - a\n", ""),
		},
	} {
		t.Run(kind, func(t *testing.T) {
			resourcetest.Linear(t, 32<<10, some, func(s string) { readme.Render(t.Context(), s, kind, readme.Options{}) })
		})
	}
}

func TestMetadataResources(t *testing.T) {
	const head = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"
	resourcetest.Linear(t, 128<<10, shapes{
		"classifiers":     repeated(head, "Classifier: a :: b\n", ""),
		"requirements":    repeated(head, "Requires-Dist: a>1; python_version < '3'\n", ""),
		"one long marker": repeated(head+"Requires-Dist: a; ", "os_name == 'a' or ", "os_name == 'b'\n"),
		"nested markers": func(n int) string {
			return head + "Requires-Dist: a; " + strings.Repeat("(", n/2) + strings.Repeat(")", n/2) + "\n"
		},
		"one long specifier":  repeated(head+"Requires-Dist: a", ">1,", "<2\n"),
		"one long extra list": repeated(head+"Requires-Dist: a[", "b,", "c]\n"),
		"extras":              repeated(head, "Provides-Extra: a\n", ""),
		"folded lines":        repeated(head+"Description: a\n", "        b\n", ""),
		"folded keywords":     repeated(head+"Keywords: a\n", " b\n", ""),
		"blank lines":         repeated(head, "\n", ""),
		"unknown fields":      repeated(head, "X: y\n", ""),
		"urls":                repeated(head, "Project-URL: a, https://b.example/\n", ""),
		"license expression":  repeated(head+"License-Expression: ", "MIT OR ", "MIT\n"),
		"nested license": func(n int) string {
			return head + "License-Expression: " + strings.Repeat("(", n) + "\n"
		},
		"no colon":                           repeated("", "a", ""),
		"long version":                       repeated("Metadata-Version: 2.1\nName: demo\nVersion: 1", ".0", "\n"),
		"long name":                          repeated("Metadata-Version: 2.1\nVersion: 1\nName: ", "a-", "b\n"),
		"body":                               repeated(head+"\n", "a\n", ""),
		"bytes that are text in no encoding": repeated(head+"Summary: ", "\xff", "\n"),
	}, func(s string) { _, _, _ = packaging.ParseMetadata([]byte(s), packaging.Wheel) })
}

func TestNameResources(t *testing.T) {
	some := shapes{
		"digits": repeated("", "1", ""), "dots": repeated("", "1.", "1"), "dashes": repeated("demo", "-", ""),
		"letters": repeated("a", "b", ""), "local": repeated("1+", "a.", "b"),
		"epochs": repeated("", "1!", ""), "zeros": repeated("1", ".0", ""),
		"tags": repeated("demo-1.0-", "py3.", "py2-none-any.whl"), "underscores": repeated("a", "_", "-1.0.tar.gz"),
		"dashes and digits": repeated("a", "-1", ".tar.gz"), "specifiers": repeated("", ">=1,", "<2"),
		"spaces": repeated("a", " ", ""), "quotes": repeated("a; os_name == ", "'", ""),
		"brackets": repeated("a", "[", ""), "brackets in markers": repeated("a; ", "(", ""),
		"url": repeated("a @ https://", "b/", ""), "wild cards": repeated("==", "1.*,", "2"),
	}
	resourcetest.Linear(t, 64<<10, some, func(s string) {
		_, _ = packaging.ParseVersion(s)
		_, _ = packaging.ParseSpecifiers(s)
		_, _ = packaging.ParseRequirement(s)
		_, _ = packaging.ProjectOf(s)
		if name, err := packaging.ParseProjectName(s); err == nil {
			_, _ = packaging.ParseFilename(s, name)
		}
	})
}

// inspect looks at an archive as an upload does.
func inspect(t *testing.T, filename string) func([]byte) {
	project, err := packaging.ParseProjectName("demo")
	if err != nil {
		t.Fatal(err)
	}
	name, err := packaging.ParseFilename(filename, project)
	if err != nil {
		t.Fatal(err)
	}
	return func(b []byte) {
		_, _ = archive.Inspect(bytes.NewReader(b), int64(len(b)), name, archive.DefaultLimits(), archive.PyPIRules())
	}
}

type member struct{ name, content string }

// wheelOf is a wheel with more members than it needs, and what its RECORD says besides.
func wheelOf(metadata, record string, more ...member) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range append([]member{
		{"demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n" + metadata},
		{"demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"demo-1.0.dist-info/RECORD", record},
	}, more...) {
		f, err := w.Create(m.name)
		if err == nil {
			_, err = io.WriteString(f, m.content)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// members are so many members whose names a function gives.
func members(n int, name func(i int) string) []member {
	out := make([]member, n)
	for i := range out {
		out[i] = member{name(i), ""}
	}
	return out
}

func TestWheelResources(t *testing.T) {
	const each = 150 // bytes of a member in the archive, more or less
	deep := strings.Repeat("d/", 100)
	resourcetest.Linear(t, 256<<10, map[string]func(int) []byte{
		"members": func(n int) []byte {
			return wheelOf("", "", members(n/each, func(i int) string { return fmt.Sprintf("demo/%d.py", i) })...)
		},
		"folders": func(n int) []byte {
			return wheelOf("", "", members(n/each, func(i int) string { return fmt.Sprintf("d%d/", i) })...)
		},
		"deep folders": func(n int) []byte {
			return wheelOf("", "", members(n/each/3, func(i int) string { return fmt.Sprintf("%s%d", deep, i) })...)
		},
		"the same name": func(n int) []byte { return wheelOf("", "", members(n/each, func(int) string { return "a" })...) },
		"near names": func(n int) []byte {
			return wheelOf("", "", members(n/each, func(i int) string { return strings.Repeat("a", 1+i%500) })...)
		},
		"RECORD lines":  func(n int) []byte { return wheelOf("", strings.Repeat("a,,\n", n/4)) },
		"RECORD quotes": func(n int) []byte { return wheelOf("", strings.Repeat("\"", n)) },
		"a RECORD line": func(n int) []byte { return wheelOf("", strings.Repeat("a,", n/2)) },
		"metadata":      func(n int) []byte { return wheelOf(strings.Repeat("Classifier: a\n", n/14), "") },
		"entry points": func(n int) []byte {
			return wheelOf("", "", member{"demo-1.0.dist-info/entry_points.txt", strings.Repeat("[a]\nb = c:d\n", n/12)})
		},
		"entry point": func(n int) []byte {
			return wheelOf("", "", member{"demo-1.0.dist-info/entry_points.txt", "[a]\n" + strings.Repeat(" = ", n/3)})
		},
		"ends of zips": func(n int) []byte {
			return append(wheelOf("", ""), bytes.Repeat([]byte("PK\x05\x06"), min(n, 60_000)/4)...)
		},
		"local headers": func(n int) []byte { return append(bytes.Repeat([]byte("PK\x03\x04"), n/4), wheelOf("", "")...) },
		"nothing":       func(n int) []byte { return make([]byte, n) },
		"many extras":   extras,
	}, inspect(t, "demo-1.0-py3-none-any.whl"))
}

// extras is a wheel of members with extra fields.
func extras(n int) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	extra := bytes.Repeat([]byte{0xfe, 0xca, 0, 0}, 4_000)
	for i := range n / 32_000 {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Extra: extra}); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// packed is a source distribution with more members than it needs.
func packed(more ...tar.Header) []byte {
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	const info = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
	for _, h := range append([]tar.Header{{Name: "demo-1.0/PKG-INFO", Mode: 0o644, Size: int64(len(info))}}, more...) {
		err := w.WriteHeader(&h)
		if err == nil && h.Size > 0 {
			_, err = io.WriteString(w, (info + strings.Repeat("a", int(h.Size)))[:h.Size])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return zipped(plain.Bytes())
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func headers(n int, header func(i int) tar.Header) []tar.Header {
	out := make([]tar.Header, n)
	for i := range out {
		out[i] = header(i)
	}
	return out
}

func TestSDistResources(t *testing.T) {
	named := func(format string) func(int) tar.Header {
		return func(i int) tar.Header {
			return tar.Header{Name: strings.ReplaceAll(format, "%d", fmt.Sprint(i)), Mode: 0o644}
		}
	}
	link := func(to string) func(int) tar.Header {
		return func(i int) tar.Header {
			return tar.Header{
				Name: fmt.Sprintf("demo-1.0/l%d", i), Typeflag: tar.TypeSymlink,
				Linkname: strings.ReplaceAll(to, "%d", fmt.Sprint(i-1)),
			}
		}
	}
	resourcetest.Linear(t, 1<<20, map[string]func(int) []byte{
		"members": func(n int) []byte { return packed(headers(n/512, named("demo-1.0/%d"))...) },
		"folders": func(n int) []byte { return packed(headers(n/512, named("demo-1.0/%d/"))...) },
		"deep folders": func(n int) []byte {
			return packed(headers(n/2048, named("demo-1.0/"+strings.Repeat("d/", 100)+"%d"))...)
		},
		"long names": func(n int) []byte {
			return packed(headers(n/2048, named("demo-1.0/%d"+strings.Repeat("n", 500)))...)
		},
		"the same name":  func(n int) []byte { return packed(headers(n/512, named("demo-1.0/a"))...) },
		"links":          func(n int) []byte { return packed(headers(n/512, link("PKG-INFO"))...) },
		"links to links": func(n int) []byte { return packed(headers(n/512, link("l%d"))...) },
		"extended headers": func(n int) []byte {
			return packed(headers(n/2048, func(i int) tar.Header {
				return tar.Header{
					Name: fmt.Sprintf("demo-1.0/%d", i), Mode: 0o644, PAXRecords: map[string]string{"A.b": strings.Repeat("c", 100)},
				}
			})...)
		},
		"one extended header": func(n int) []byte {
			return packed(tar.Header{
				Name: "demo-1.0/a", Mode: 0o644, PAXRecords: map[string]string{"A.b": strings.Repeat("c", min(n, 900_000))},
			})
		},
		"zeros":           func(n int) []byte { return zipped(make([]byte, n)) },
		"one file":        func(n int) []byte { return packed(tar.Header{Name: "demo-1.0/a", Mode: 0o644, Size: int64(n)}) },
		"no gzip":         func(n int) []byte { return make([]byte, n) },
		"many gzips":      func(n int) []byte { return bytes.Repeat(zipped(nil), n/25) },
		"headers of gzip": func(n int) []byte { return bytes.Repeat([]byte{0x1f, 0x8b, 8, 0}, n/4) },
	}, inspect(t, "demo-1.0.tar.gz"))
}

func TestFormMetadataResources(t *testing.T) {
	many := func(field, value string) func(int) map[string][]string {
		return func(n int) map[string][]string {
			f := map[string][]string{"metadata_version": {"2.1"}, "name": {"demo"}, "version": {"1.0"}}
			for range n / len(value) {
				f[field] = append(f[field], value)
			}
			return f
		}
	}
	resourcetest.Linear(t, 64<<10, map[string]func(int) map[string][]string{
		"classifiers": many("classifiers", "a :: b"), "requirements": many("requires_dist", "a>1"),
		"summaries": many("summary", "a"), "unknown": many("x", "a"),
		"a long description": func(n int) map[string][]string {
			return map[string][]string{"name": {"demo"}, "version": {"1"}, "description": {strings.Repeat("a\n", n/2)}}
		},
	}, func(f map[string][]string) { _, _ = packaging.FormMetadata(f) })
}

func TestAcceptResources(t *testing.T) {
	resourcetest.Linear(t, 256<<10, map[string]func(int) []string{
		"ranges":     func(n int) []string { return []string{repeated("", "a/b;q=0.1,", "")(n)} },
		"commas":     func(n int) []string { return []string{repeated("", ",", "")(n)} },
		"parameters": func(n int) []string { return []string{repeated("a/b", ";c=d", "")(n)} },
		"quotes":     func(n int) []string { return []string{repeated("a/b;c=\"", "\\\"", "\"")(n)} },
		"lines":      func(n int) []string { return strings.Split(repeated("", "a/b,", "")(n), ",") },
		"short":      func(n int) []string { return []string{repeated("", "a/b;q=0.1,", "")(n / 64)} },
	}, func(lines []string) { route.Quality(lines, "text/html") })
}

func TestJSONResources(t *testing.T) {
	resourcetest.Linear(t, 64<<10, shapes{
		"lists":          repeated("", "[", ""),
		"lists that end": func(n int) string { return strings.Repeat("[", n/2) + strings.Repeat("]", n/2) },
		"objects":        repeated("", `{"a":`, ""),
		"members":        repeated(`{"b":1`, `,"a":1`, "}"), "entries": repeated(`{"a":[1`, ",1", "]}"),
		"a long string": repeated(`{"a":"`, "b", `"}`), "escapes": repeated(`{"a":"`, `\u0041`, `"}`),
		"a long number": repeated(`{"a":1`, "0", "}"), "an exponent": repeated(`{"a":1e`, "9", "}"),
		"spaces": repeated("", " ", "{}"), "a long name": repeated(`{"`, "a", `":1}`), "half": repeated(`{"a":"`, `\`, ""),
	}, func(s string) {
		_, _ = strictjson.Object([]byte(s))
		_, _ = strictjson.List([]byte(s), 1<<20)
	})
}

func TestTokenResources(t *testing.T) {
	v, err := idtoken.New([]idtoken.Issuer{{
		Kind: "github", URL: "https://issuer.example", Audiences: []string{"index.example"},
	}},
		idtoken.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	coded := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	header := coded(`{"alg":"RS256","kid":"a"}`)
	body := func(shape func(int) string) func(int) string {
		return func(n int) string { return header + "." + coded(shape(n*3/4-100)) + ".e30" }
	}
	some := shapes{
		"dots": repeated("", ".", ""), "one part": repeated("", "a", ""), "no base64": repeated("", "=", ""),
		"header":    func(n int) string { return coded(repeated(`{"a":"`, "b", `"}`)(n*3/4)) + ".e30.e30" },
		"signature": func(n int) string { return header + ".e30." + strings.Repeat("A", n) },
		"members":   body(repeated(`{"b":1`, `,"a":1`, "}")), "nested": body(repeated("", `{"a":`, "")),
		"audiences":    body(repeated(`{"iss":"x","aud":["a"`, `,"a"`, "]}")),
		"a long claim": body(repeated(`{"iss":"`, "x", `"}`)), "spaces": body(repeated("", " ", "{}")),
	}
	for _, n := range []int{idtoken.MaxToken / 4, 64 << 10} { // within the bound, and past it
		resourcetest.Linear(t, n, some, func(s string) { _, _, _, _ = v.Verify(t.Context(), access.Secret(s)) })
	}
}
