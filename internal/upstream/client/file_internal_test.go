package client

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/upstream"
)

// TestFiles: the bytes of a file are those that the upstream sent, of at most the limit.
func TestFiles(t *testing.T) {
	c := New(small())
	const content = "0123456789"
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
	whole := head + "Content-Length: 10\r\n\r\n" + content
	chunked := head + "Transfer-Encoding: chunked\r\n\r\na\r\n" + content + "\r\n0\r\n\r\n"
	closed := head + "Connection: close\r\n\r\n" + content
	for _, f := range []struct {
		what, text string
		limit      int64
		size       int64 // -2 if it cannot be opened
		failure    bool
	}{
		{"whole", whole, 0, 10, false},
		{"at the limit", whole, 10, 10, false},
		{"over the limit", whole, 9, -2, true},
		{"chunked", chunked, 10, -1, false},
		{"chunked, over the limit", chunked, 9, -1, true},
		{"until the end", closed, 10, -1, false},
		{"until the end, over the limit", closed, 9, -1, true},
		{"identity", head + "Content-Encoding: identity\r\nContent-Length: 10\r\n\r\n" + content, 10, 10, false},
		{"gzip", head + "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + content, 10, -2, true},
		{"twice", head + "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n" + content, 10, -2, true},
		{"short", head + "Content-Length: 11\r\n\r\n" + content, 0, 11, true},
		{"chunk missing", strings.TrimSuffix(chunked, "0\r\n\r\n"), 0, -1, true},
		{
			"part", "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/20\r\nContent-Length: 10\r\n\r\n" + content, 0,
			-2, true,
		},
		{"empty", head + "Content-Length: 0\r\n\r\n", 0, 0, false},
	} {
		u := answer(t, f.text)
		b, err := c.Open(t.Context(), u, u.Origin()+"/files/foo-1.tar.gz", f.limit)
		if f.size == -2 {
			fails(t, f.what, err, upstream.Wrong, "")
			continue
		}
		if err != nil || b.Size != f.size {
			t.Errorf("%s: size %d, %v, want %d", f.what, b.Size, err, f.size)
			continue
		}
		got, err := io.ReadAll(b)
		b.Close()
		if f.failure {
			fails(t, f.what, err, upstream.Wrong, "")
			if f.limit > 0 && int64(len(got)) > f.limit {
				t.Errorf("%s: %d bytes came through", f.what, len(got))
			}
		} else if err != nil || string(got) != content[:len(got)] || f.size > 0 && len(got) != 10 {
			t.Errorf("%s: %q, %v", f.what, got, err)
		}
	}
	u := answer(t, whole)
	for _, at := range []string{
		"", "/foo", "foo", "ftp://127.0.0.1/foo", "file:///etc/passwd", "http://u:p@127.0.0.1/foo", "http://", "%",
	} {
		_, err := c.Open(t.Context(), u, at, 0)
		fails(t, fmt.Sprintf("%q", at), err, upstream.Forbidden, "")
	}
}

// TestFileOnAnotherHost: files may be on another host than the pages, and a redirect may lead to a signed URL, which
// no error repeats.
func TestFileOnAnotherHost(t *testing.T) {
	status := 200
	files := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "content")
	})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, files.Origin()+"/bucket/foo?X-Signature=secret-signature", http.StatusFound)
	})
	c := New(small())
	for _, at := range []string{files.Origin() + "/foo", u.Origin() + "/foo"} {
		status = 200
		b, err := c.Open(t.Context(), u, at, 0)
		if err != nil {
			t.Errorf("%s: %v", at, err)
			continue
		}
		if got, err := io.ReadAll(b); err != nil || string(got) != "content" {
			t.Errorf("%s: %q, %v", at, got, err)
		}
		b.Close()
		for s, kind := range map[int]upstream.FailureKind{404: upstream.Absent, 403: upstream.Refused, 500: upstream.Wrong} {
			status = s
			_, err := c.Open(t.Context(), u, at, 0)
			if f := fails(t, at, err, kind, files.Origin()); strings.Contains(f.Error(), "signature") {
				t.Errorf("%v", f)
			}
		}
	}
}

// TestQuery: a question goes to the origin of the upstream only, once, with the credential, and follows no redirect.
func TestQuery(t *testing.T) {
	asked := 0
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/q", http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), b)
	})
	c := New(small())
	b, err := c.Query(t.Context(), u, u.Origin()+"/q", "text/plain", []byte("question"), 100)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(b)
	if b.Close(); err != nil || string(got) != "POST text/plain question" || asked != 1 {
		t.Errorf("the answer is %q, %v, after %d requests", got, err, asked)
	}
	_, err = c.Query(t.Context(), u, u.Origin()+"/q", "text/plain", []byte("question"), 3)
	fails(t, "a long answer", err, upstream.Wrong, "")
	_, err = c.Query(t.Context(), u, u.Origin()+"/away", "text/plain", nil, 100)
	fails(t, "a redirect", err, upstream.Wrong, "")
	asked = 0
	for _, at := range []string{"http://127.0.0.1:1/q", "https://other.example/q", "%zz"} {
		_, err = c.Query(t.Context(), u, at, "text/plain", nil, 100)
		fails(t, at, err, upstream.Forbidden, "")
	}
	if asked != 0 {
		t.Errorf("%d requests elsewhere", asked)
	}
}
