package ready_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"pyindex/internal/simpleapi/ready"
)

func get(a *ready.Answer, method, held string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	if held != "" {
		r.Header.Set("If-None-Match", held)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func decode(t *testing.T, e ready.Encoding, b []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(b)
	switch e {
	case ready.Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case ready.Zstd:
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnswerEncodings(t *testing.T) {
	for _, size := range []int{2_000, 2_000_000} {
		body := bytes.Repeat([]byte("a page that shrinks, "), size/21)
		plain := ready.NewAnswer("text/html", at(7), body)
		tags := map[string]bool{}
		for _, e := range []ready.Encoding{ready.Identity, ready.Gzip, ready.Zstd} {
			w := get(plain.Encoded(e), "GET", "")
			if got := decode(t, e, w.Body.Bytes()); !bytes.Equal(got, body) {
				t.Errorf("%v of %d bytes decodes to %d other bytes", e, len(body), len(got))
			}
			if got, want := w.Header().Get("Content-Length"), strconv.Itoa(w.Body.Len()); got != want {
				t.Errorf("%v: Content-Length = %s, want %s", e, got, want)
			}
			if got, want := w.Header().Get("Content-Encoding"),
				map[ready.Encoding]string{ready.Gzip: "gzip", ready.Zstd: "zstd"}[e]; got != want {
				t.Errorf("%v: Content-Encoding = %q, want %q", e, got, want)
			}
			tags[w.Header().Get("ETag")] = true
		}
		if len(tags) != 3 {
			t.Errorf("three encodings have the tags %v, want three different ones", tags)
		}
	}
}

func TestAnswerThatDoesNotShrinkStaysPlain(t *testing.T) {
	plain := ready.NewAnswer("text/html", at(7), []byte("short"))
	for _, e := range []ready.Encoding{ready.Gzip, ready.Zstd} {
		w := get(plain.Encoded(e), "GET", "")
		if got := w.Header().Get("Content-Encoding"); got != "" || w.Body.String() != "short" {
			t.Errorf("Encoded(%v) of 5 bytes is %q as %q, want it plain", e, w.Body, got)
		}
	}
}

func TestAnswerTags(t *testing.T) {
	tag := func(media, body string) string {
		return get(ready.NewAnswer(media, at(1), []byte(body)), "GET", "").Header().Get("ETag")
	}
	if tag("text/html", "a") == tag("application/json", "a") {
		t.Error("two media types of the same bytes share a tag")
	}
	if tag("text/html", "a") == tag("text/html", "b") {
		t.Error("two contents share a tag")
	}
	if a, b := tag("text/html", "a"), tag("text/html", "a"); a != b || !strings.HasPrefix(a, `"`) {
		t.Errorf("one content has the tags %s and %s, want one strong tag", a, b)
	}
}

func TestAnswerConditional(t *testing.T) {
	a := ready.NewAnswer("text/html", at(7), bytes.Repeat([]byte("x"), 1000)).Encoded(ready.Gzip)
	fresh := get(a, "GET", "")
	tag := fresh.Header().Get("ETag")
	for _, held := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		w := get(a, "GET", held)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d with %d bytes, want 304 without", held, w.Code, w.Body.Len())
		}
		for _, name := range []string{"Content-Type", "ETag", "X-PyPI-Last-Serial"} {
			if got, want := w.Header().Get(name), fresh.Header().Get(name); got != want {
				t.Errorf("304's %s = %q, want the 200's %q", name, got, want)
			}
		}
	}
	if w := get(a, "GET", `"other"`); w.Code != http.StatusOK || w.Body.Len() == 0 {
		t.Errorf("If-None-Match of another tag: %d, want 200 with the page", w.Code)
	}
}

func TestAnswerHead(t *testing.T) {
	a := ready.NewAnswer("text/html", at(7), []byte("page"))
	full, head := get(a, "GET", ""), get(a, "HEAD", "")
	if head.Body.Len() != 0 {
		t.Errorf("HEAD has %d bytes, want none", head.Body.Len())
	}
	for name := range full.Header() {
		if got, want := head.Header().Get(name), full.Header().Get(name); got != want {
			t.Errorf("HEAD's %s = %q, want GET's %q", name, got, want)
		}
	}
}
