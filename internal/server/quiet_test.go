package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// TestUnavailableSaysTheCause: a 503 that the server causes is logged as a warning with its cause, which the client
// does not see. The log has one line per second and cause, whatever the port of the connection, with the number of
// omitted lines.
func TestUnavailableSaysTheCause(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1_000_000, 0)
	var err error
	row := get("/broken", route.Open)
	row.Handle = func(http.ResponseWriter, *http.Request, access.Caller) error { return err }
	h := newServer(t, server.Options{Log: slog.New(slog.NewTextHandler(&out, nil)), Now: func() time.Time { return now }},
		row)
	ask := func(cause string) string {
		err = fault.Wrap(fault.Unavailable, errors.New(cause), "the database is not available")
		out.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/broken", nil))
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "refused") {
			t.Errorf("the answer is %d %q, want 503 without the cause", w.Code, w.Body)
		}
		return out.String()
	}
	if got := ask("port 40000: refused by pypi-idx_abc"); !strings.Contains(got, "level=WARN") ||
		!strings.Contains(got, `cause="port 40000: refused by [secret]"`) {
		t.Errorf("the line is %q, want a warning with the cause", got)
	}
	for i := range 9 {
		if got := ask(fmt.Sprintf("port %d: refused by pypi-idx_abc", 40001+i)); got != "" {
			t.Errorf("the cause again within a second is %q, want nothing", got)
		}
	}
	if got := ask("disk full, refused"); !strings.Contains(got, "disk full") {
		t.Errorf("another cause within a second is %q, want its line", got)
	}
	now = now.Add(time.Second)
	if got := ask("port 50000: refused by pypi-idx_abc"); !strings.Contains(got, "left_out=9") {
		t.Errorf("the cause a second later is %q, want left_out=9", got)
	}
	ask("port 50001: refused by pypi-idx_abc")
	now = now.Add(time.Second)
	err = nil
	out.Reset()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/broken", nil))
	if got := out.String(); !strings.Contains(got, "omitted from the log") || !strings.Contains(got, "left_out=1") {
		t.Errorf("after the outage the log is %q, want the number of omitted lines", got)
	}
}

// TestWhatIsNoWarning: refusals and missing things are logged as information, however many there are.
func TestWhatIsNoWarning(t *testing.T) {
	for _, kind := range []fault.Kind{fault.NotFound, fault.Invalid, fault.Denied, fault.TooMany} {
		var out bytes.Buffer
		row := get("/no", route.Open)
		row.Handle = func(http.ResponseWriter, *http.Request, access.Caller) error { return fault.New(kind, "no") }
		h := newServer(t, server.Options{Log: slog.New(slog.NewTextHandler(&out, nil))}, row)
		for range 5 {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/no", nil))
		}
		if got := strings.Count(out.String(), "level=INFO"); got != 5 {
			t.Errorf("%v five times gives %d lines of information, want 5:\n%s", kind, got, &out)
		}
	}
}
