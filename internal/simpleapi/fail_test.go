package simpleapi

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/fault"
)

func TestFail(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
		text string
	}{
		{fault.New(fault.NotFound, "there is no demo"), 404, "there is no demo"},
		{fault.New(fault.Invalid, "no good"), 400, "no good"},
		{fault.New(fault.Denied, "not yours"), 403, "not yours"},
		{fault.New(fault.Unauthenticated, "who are you"), 401, "who are you"},
		{fault.New(fault.Conflict, "taken"), 409, "taken"},
		{fault.New(fault.TooLarge, "too much"), 413, "too much"},
		{fault.New(fault.TooMany, "slow down"), 429, "slow down"},
		{fault.New(fault.Unavailable, "the database rests"), 503, "the database rests"},
		{errNotAcceptable, 406, "text/html"},
		{fmt.Errorf("reading: %w", fault.New(fault.NotFound, "gone")), 404, "gone"},
		{errors.New("password is hunter2"), 500, "request id r-17"},
		{fault.New(fault.Internal, "password is hunter2"), 500, "request id r-17"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/simple/demo/", nil)
		w.Header().Set("X-Request-Id", "r-17")
		fail(w, r, tt.err)
		if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.text) || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("fail(%v) = %d %q, want %d with %q", tt.err, w.Code, w.Body, tt.want, tt.text)
		}
		if got, want := w.Header().Get("Retry-After") != "", tt.want == 429 || tt.want == 503; got != want {
			t.Errorf("fail(%v): Retry-After there is %v, want %v", tt.err, got, want)
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("fail(%v): Cache-Control = %q, want no-store", tt.err, got)
		}
	}
}

func TestFailKeepsTheTimeToWait(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/simple/demo/", nil)
	w.Header().Set("Retry-After", "33")
	fail(w, r, fault.New(fault.TooMany, "slow down"))
	if got := w.Header().Get("Retry-After"); got != "33" {
		t.Errorf("Retry-After = %s, want the limit's own 33", got)
	}
}

func TestFailInJSON(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/simple/demo/", nil)
	r.Header.Set("Accept", "application/json")
	fail(w, r, fault.New(fault.NotFound, `there is no "demo"`))
	if got, want := w.Body.String(), `{"message":"there is no \"demo\""}`+"\n"; got != want ||
		w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("fail for JSON = %s %s, want %s", w.Header().Get("Content-Type"), got, want)
	}
}
