package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

const (
	typeJSON = "application/vnd.pypi.simple.v1+json"
	pageJSON = `{"meta":{"api-version":"1.1"},"name":"foo","files":[],"versions":[]}`
	pageHTML = "<!DOCTYPE html><html><body><a href='foo-1.tar.gz'>foo-1.tar.gz</a></body></html>"
)

// quick are options with which a test of a time-out takes a fraction of a second. Nothing asks the environment's proxy.
func quick(o Options) Options {
	o.Version, o.Instance = "1.2.3", "me"
	if o.Proxy == nil {
		o.Proxy = func(*url.URL) (*url.URL, error) { return nil, nil }
	}
	for _, d := range []*time.Duration{&o.Connect, &o.FirstByte, &o.Stall, &o.PageTime, &o.Queue} {
		if *d == 0 {
			*d = 5 * time.Second
		}
	}
	return o
}

// serve starts a server, and returns an upstream that may have private addresses with its root at /simple/.
func serve(t *testing.T, handle http.HandlerFunc) upstream.Upstream {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return local(s.URL)
}

func local(at string) upstream.Upstream {
	return upstream.Upstream{Name: "public", URL: at + "/simple/", AllowPrivate: true}.WithDefaults()
}

// raw starts a server that reads the header of a request and then writes whatever it likes.
func raw(t *testing.T, write func(net.Conn)) upstream.Upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 8<<10)
				if _, err := conn.Read(b); err == nil {
					write(conn)
				}
			}()
		}
	}()
	return local("http://" + l.Addr().String())
}

// answer returns a raw server that writes a text and closes the connection.
func answer(t *testing.T, text string) upstream.Upstream {
	t.Helper()
	return raw(t, func(c net.Conn) { _, _ = io.WriteString(c, text) })
}

func name(t testing.TB, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// get asks for the page of foo.
func get(t *testing.T, c *Client, u upstream.Upstream) (upstream.Response, error) {
	t.Helper()
	return c.Page(t.Context(), u, name(t, "foo"), upstream.Validators{})
}

// fails wants a failure of a kind whose text contains a word.
func fails(t *testing.T, what string, err error, kind upstream.FailureKind, word string) *upstream.Failure {
	t.Helper()
	f, ok := errors.AsType[*upstream.Failure](err)
	if !ok || f.Kind != kind || !strings.Contains(f.Error(), word) || f.Upstream != "public" {
		t.Errorf("%s: %v, want a failure of kind %s with %q", what, err, kind, word)
		return &upstream.Failure{Err: errors.New("")}
	}
	return f
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestRequest: the URL is the root as it is written, with the normalized name and a slash.
func TestRequest(t *testing.T) {
	var got *http.Request
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		w.Header().Set("Content-Type", typeJSON)
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Last-Modified", "Sun, 29 Nov 2026 10:00:00 GMT")
		w.Header().Set("X-PyPI-Last-Serial", "42")
		_, _ = io.WriteString(w, pageJSON)
	})
	c := New(quick(Options{}))
	for root, want := range map[string]string{
		"/simple/": "/simple/foo-bar/", "/": "/foo-bar/", "/a%2Fb/team//index/": "/a%2Fb/team//index/foo-bar/",
		"/api/pypi/x/simple/": "/api/pypi/x/simple/foo-bar/",
	} {
		u := u
		u.URL = u.Origin() + root
		r, err := c.Page(t.Context(), u, name(t, "Foo._Bar"), upstream.Validators{})
		if err != nil || string(r.Body) != pageJSON || r.ContentType != typeJSON || r.Serial != "42" ||
			r.URL.String() != u.Origin()+want || r.Validators != (upstream.Validators{
			ETag: `"one"`, LastModified: "Sun, 29 Nov 2026 10:00:00 GMT",
		}) {
			t.Errorf("%s: %+v, %v", root, r, err)
		}
		if got.RequestURI != want {
			t.Errorf("%s: asked for %s, want %s", root, got.RequestURI, want)
		}
		if _, err := c.List(t.Context(), u, upstream.Validators{}); err != nil || got.RequestURI != root {
			t.Errorf("list of %s: asked for %s, %v", root, got.RequestURI, err)
		}
	}
	for header, want := range map[string]string{
		"Accept":          "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
		"Accept-Encoding": "gzip", "User-Agent": "index/1.2.3", "Via": "1.1 index-me", "Authorization": "", "Cookie": "",
		"Referer": "", "If-None-Match": "", "If-Modified-Since": "",
	} {
		if h := strings.Join(got.Header.Values(header), "; "); h != want {
			t.Errorf("%s: %q, want %q", header, h, want)
		}
	}
	b, err := c.Open(t.Context(), u, u.Origin()+"/files/foo-1.tar.gz#sha256=00", 0)
	if err != nil || b.Size != int64(len(pageJSON)) || got.RequestURI != "/files/foo-1.tar.gz" ||
		got.Header.Get("Accept-Encoding") != "identity" || got.Header.Get("Via") != "1.1 index-me" {
		t.Errorf("file: %v, asked for %s with %v", err, got.RequestURI, got.Header)
	}
	b.Close()
}

// TestConditional: validators go along, and 304 is an answer only to them.
func TestConditional(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/simple/foo/" && (r.Header.Get("If-None-Match") == `"a"` ||
			r.Header.Get("If-Modified-Since") == "yesterday") {
			w.Header().Set("ETag", `"b"`)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if r.URL.Path == "/simple/always/" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("ETag", `"`+strings.Repeat("x", 2000)+`"`)
		_, _ = io.WriteString(w, pageHTML)
	})
	c := New(quick(Options{}))
	for _, v := range []upstream.Validators{
		{ETag: `"a"`}, {LastModified: "yesterday"}, {ETag: `"a"`, LastModified: "then"},
	} {
		r, err := c.Page(t.Context(), u, name(t, "foo"), v)
		if err != nil || !r.NotModified || r.Validators.ETag != `"b"` || r.Body != nil {
			t.Errorf("%v: %+v, %v, want 304", v, r, err)
		}
	}
	for _, v := range []upstream.Validators{{}, {ETag: `"c"`}, {ETag: "\"a\"\r\nX: y"}, {ETag: "\"\u00e4\""}} {
		r, err := c.Page(t.Context(), u, name(t, "foo"), v)
		if err != nil || r.NotModified || r.Validators.ETag != "" {
			t.Errorf("%v: %+v, %v, want a page and no huge ETag", v, r, err)
		}
	}
	_, err := c.Page(t.Context(), u, name(t, "always"), upstream.Validators{})
	fails(t, "304 unasked", err, upstream.Wrong, "304")
}

// TestStatuses: each status has one meaning, and only 404 and 410 mean that there is nothing.
func TestStatuses(t *testing.T) {
	var status int
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		if status != 204 {
			_, _ = io.WriteString(w, pageHTML)
		}
	})
	for s, kind := range map[int]upstream.FailureKind{
		404: upstream.Absent, 410: upstream.Absent, 401: upstream.Refused, 403: upstream.Refused, 429: upstream.Busy,
		500: upstream.Wrong, 502: upstream.Wrong, 503: upstream.Wrong, 504: upstream.Wrong, 400: upstream.Wrong,
		402: upstream.Wrong, 405: upstream.Wrong, 406: upstream.Wrong, 407: upstream.Wrong, 418: upstream.Wrong,
		451: upstream.Wrong, 201: upstream.Wrong, 202: upstream.Wrong, 204: upstream.Wrong, 206: upstream.Wrong,
		299: upstream.Wrong, 300: upstream.Wrong, 305: upstream.Wrong, 302: upstream.Wrong, 599: upstream.Wrong,
	} {
		status = s
		c := New(quick(Options{}))
		_, err := get(t, c, u)
		if f := fails(t, fmt.Sprint("page: ", s), err, kind, ""); f.Status != s && s != 302 {
			t.Errorf("%d: status %d", s, f.Status)
		}
		c = New(quick(Options{}))
		_, err = c.List(t.Context(), u, upstream.Validators{})
		fails(t, fmt.Sprint("list: ", s), err, kind, "")
		c = New(quick(Options{}))
		_, err = c.Open(t.Context(), u, u.Origin()+"/foo-1.tar.gz", 0)
		fails(t, fmt.Sprint("file: ", s), err, kind, "")
	}
}

// TestContentTypes: a 200 with an error page, or in a version that is not known, is no page.
func TestContentTypes(t *testing.T) {
	var kind, body string
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{kind}
		_, _ = io.WriteString(w, body)
	})
	c := New(quick(Options{}))
	for _, k := range []string{
		typeJSON, strings.ToUpper(typeJSON), typeJSON + "; charset=UTF-8", "application/vnd.pypi.simple.v1+html",
		"application/vnd.pypi.simple.latest+json", "text/html", "TEXT/HTML;charset=utf-8", "application/json",
		"application/xhtml+xml", "", "text/html;", "text/html; charset", "text/html; charset=\"",
	} {
		kind, body = k, pageJSON
		if r, err := get(t, c, u); err != nil || r.ContentType != k || string(r.Body) != pageJSON {
			t.Errorf("%q: %+v, %v", k, r, err)
		}
	}
	for _, k := range []string{
		"application/vnd.pypi.simple.v2+json", "application/vnd.pypi.simple.v10+html", "application/vnd.pypi.simple.+json",
		"text/plain", "application/octet-stream", "text", "image/png", "application/problem+json", "text/html, text/plain",
		"application/pdf", "/", ";",
	} {
		kind, body = k, pageJSON
		_, err := get(t, c, u)
		fails(t, k, err, upstream.Wrong, "")
	}
	kind, body = "text/html", ""
	_, err := get(t, c, u)
	fails(t, "empty page", err, upstream.Wrong, "empty")
}

// TestOddHeaders: header names in lower case and spare white space are good HTTP, contradictions are not.
func TestOddHeaders(t *testing.T) {
	length := fmt.Sprint(len(pageHTML))
	c := New(quick(Options{}))
	for _, text := range []string{
		"HTTP/1.1 200\r\ncontent-type:text/html\r\netag:\"x\"\r\ncontent-length:" + length + "\r\n\r\n" + pageHTML,
		"HTTP/1.1 200 All is well\r\nCONTENT-TYPE: \t text/html \r\neTaG:   \"x\"\r\nCONTENT-LENGTH: " + length + "\r\n\r\n" +
			pageHTML,
		"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nETag: \"x\"\r\n\r\n" + pageHTML,
		"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"x\"\r\n" +
			"Content-Length: " + length + "\r\nContent-Length: " + length + "\r\n\r\n" + pageHTML,
	} {
		r, err := get(t, c, answer(t, text))
		if err != nil || string(r.Body) != pageHTML || r.Validators.ETag != `"x"` {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 10\r\nContent-Length: " + length + "\r\n\r\n" +
			pageHTML,
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: -1\r\n\r\n" + pageHTML,
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n" + pageHTML, "HTTP/2 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "\x16\x03\x01",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: gzip\r\n\r\n" + pageHTML,
		"HTTP/1.1 999999 OK\r\n\r\n", "<html>", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
	} {
		_, err := get(t, c, answer(t, text))
		fails(t, text, err, upstream.Wrong, "")
	}
}

// TestTruncated: a page that did not arrive whole is never a shorter page.
func TestTruncated(t *testing.T) {
	c := New(quick(Options{}))
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	z := string(gzipped(t, []byte(pageHTML)))
	cut := pageHTML[:60]
	for what, text := range map[string]string{
		"short of Content-Length": head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(pageHTML), cut),
		"no last chunk":           head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(cut), cut),
		"chunk too short":         head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", len(pageHTML), cut),
		"bad chunk size": head +
			fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nzz\r\n", len(cut), cut),
		"no end of trailer":         head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n", len(cut), cut),
		"closed in the middle":      "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + cut,
		"closed in the middle, 1.1": head + "Connection: close\r\n\r\n" + cut,
		"gzip without its trailer": head +
			fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(z)-8, z[:len(z)-8]),
		"gzip with half a trailer": head +
			fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(z)-4, z[:len(z)-4]),
		"gzip cut, closed": head + "Content-Encoding: gzip\r\n\r\n" + z[:len(z)-20],
		"gzip of another content": head + "Content-Encoding: gzip\r\n\r\n" + z[:len(z)-8] + "\x00\x00\x00\x00" +
			z[len(z)-4:],
		"gzip, then something else": head + "Content-Encoding: gzip\r\n\r\n" + z + "<html>",
		"gzip whole, body not": head +
			fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(z)+5, z),
		"gzip whole, no last chunk": head +
			fmt.Sprintf("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
				len(z), z),
		"gzip alone in its header": head + "Content-Encoding: gzip\r\n\r\n" + z[:5],
		"gzip of nothing":          head + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
		"deflate, not asked for":   head + "Content-Encoding: deflate\r\nContent-Length: 3\r\n\r\nabc",
		"brotli, not asked for":    head + "Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
		"gzip twice":               head + "Content-Encoding: gzip, gzip\r\nContent-Length: 3\r\n\r\nabc",
		"gzip twice, in two headers": head +
			"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
	} {
		_, err := get(t, c, answer(t, text))
		fails(t, what, err, upstream.Wrong, "")
	}
	for what, text := range map[string]string{
		"gzip": head + fmt.Sprintf("Content-Encoding: GZip\r\nContent-Length: %d\r\n\r\n%s", len(z), z),
		"gzip, two parts": head + "Content-Encoding: x-gzip\r\n\r\n" + string(gzipped(t, []byte(pageHTML[:9]))) +
			string(gzipped(t, []byte(pageHTML[9:]))),
		"closed at its end": head + "\r\n" + pageHTML,
		"identity": head +
			fmt.Sprintf("Content-Encoding: identity\r\nContent-Length: %d\r\n\r\n%s", len(pageHTML), pageHTML),
		"chunked": head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(pageHTML), pageHTML),
	} {
		if r, err := get(t, c, answer(t, text)); err != nil || string(r.Body) != pageHTML {
			t.Errorf("%s: %q, %v", what, r.Body, err)
		}
	}
}

// exempting is a guard that lets connections to a server of the test pass.
func exempting(addresses ...string) func(bool) control {
	return func(allowPrivate bool) control {
		inner := guard(allowPrivate)
		return func(network, address string, c syscall.RawConn) error {
			for _, a := range addresses {
				if a == address {
					return nil
				}
			}
			return inner(network, address, c)
		}
	}
}
