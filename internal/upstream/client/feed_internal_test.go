package client

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/upstream"
)

// TestDocument checks that a document is asked for conditionally and within bounds.
func TestDocument(t *testing.T) {
	status, body := http.StatusOK, "content"
	var asked []string
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match")+" "+r.Header.Get("If-Modified-Since"))
		w.Header().Set("ETag", `"one"`)
		if r.Header.Get("If-None-Match") == `"one"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	c := New(small())
	d, err := c.Document(t.Context(), u, upstream.Validators{}, 10)
	if err != nil || d.NotModified || d.Validators.ETag != `"one"` || asked[0] != " " {
		t.Fatalf("Document() = %+v, %v, asked %q", d, err, asked)
	}
	got, err := io.ReadAll(d.Body)
	d.Body.Close()
	if string(got) != "content" || err != nil {
		t.Errorf("the body is %q, %v", got, err)
	}
	if d, err := c.Document(t.Context(), u, d.Validators, 10); err != nil || !d.NotModified {
		t.Errorf("Document() with its validators = %+v, %v", d, err)
	}
	body = strings.Repeat("x", 11)
	if _, err := c.Document(t.Context(), u, upstream.Validators{}, 10); err == nil {
		t.Error("a document above the limit was accepted")
	}
	for s, kind := range map[int]upstream.FailureKind{
		404: upstream.Absent, 401: upstream.Refused, 403: upstream.Refused, 500: upstream.Wrong, 206: upstream.Wrong,
		304: upstream.Wrong, 429: upstream.Busy,
	} {
		status, body = s, ""
		_, err := New(small()).Document(t.Context(), u, upstream.Validators{}, 10)
		fails(t, http.StatusText(s), err, kind, "")
	}
	c = New(small())
	u.AllowPrivate = false
	if _, err := c.Document(t.Context(), u, upstream.Validators{}, 10); err == nil {
		t.Error("a document was read by plain http from this machine without allow_private")
	}
}
