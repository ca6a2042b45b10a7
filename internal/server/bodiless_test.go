package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// deadlines is a response that counts the deadlines that are set.
type deadlines struct {
	http.ResponseWriter
	set int
}

func (d *deadlines) SetReadDeadline(time.Time) error { d.set++; return nil }

func (d *deadlines) SetWriteDeadline(time.Time) error { d.set++; return nil }

// TestNoDeadlineWithoutBody: with HTTP/2, each deadline of a stream interrupts the goroutine of its connection, and
// net/http gives a body to every request. Only requests that may have content need them.
func TestNoDeadlineWithoutBody(t *testing.T) {
	read := get("/simple/", route.Open)
	read.Handle = func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
		b, err := io.ReadAll(r.Body)
		w.Write(b)
		return err
	}
	s := newServer(t, server.Options{}, read)
	for _, c := range []struct {
		name    string
		version int
		length  int64
		body    string
		set     bool
	}{
		{"HTTP/2 without content", 2, 0, "", false},
		{"HTTP/2 with content", 2, 3, "abc", true},
		{"HTTP/2 with content of unknown length", 2, -1, "abc", true},
		{"HTTP/2 with empty content of unknown length", 2, -1, "", true},
		{"HTTP/1.1 with content", 1, 3, "abc", true},
	} {
		r := httptest.NewRequest("GET", "/simple/", nil)
		r.ProtoMajor, r.ContentLength, r.Body = c.version, c.length, io.NopCloser(strings.NewReader(c.body))
		answer := httptest.NewRecorder()
		w := &deadlines{ResponseWriter: answer}
		s.ServeHTTP(w, r)
		if answer.Code != 200 || answer.Body.String() != c.body {
			t.Errorf("%s: %d %q, want 200 %q", c.name, answer.Code, answer.Body, c.body)
		}
		if set := w.set > 0; set != c.set {
			t.Errorf("%s: %d deadlines are set, want some: %v", c.name, w.set, c.set)
		}
	}
}
