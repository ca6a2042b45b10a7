package server_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"pyindex/internal/route"
	"pyindex/internal/server"
)

func TestRateLimit(t *testing.T) {
	now := time.Unix(1000, 0)
	row := get("/mint", route.Open)
	row.Limit = route.LimitMint
	o := server.Options{Rates: map[route.Limit]int{route.LimitMint: 3, route.LimitUpload: 0}, Now: func() time.Time { return now }}
	other := get("/upload", route.Open)
	other.Limit = route.LimitUpload
	s := newServer(t, o, row, get("/free", route.Open), other)
	from := func(address, path string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, w.Header().Get("Retry-After")
	}
	for i := range 3 {
		if code, _ := from("192.0.2.1:1", "/mint"); code != 200 {
			t.Fatalf("request %d = %d, want 200", i, code)
		}
	}
	if code, retry := from("192.0.2.1:2", "/mint"); code != 429 || retry != "20" {
		t.Errorf("fourth request = %d, Retry-After %q, want 429, 20", code, retry)
	}
	for _, path := range []string{"/free", "/upload"} {
		if code, _ := from("192.0.2.1:2", path); code != 200 {
			t.Errorf("%s = %d, want 200: it has no such limit", path, code)
		}
	}
	if code, _ := from("192.0.2.2:1", "/mint"); code != 200 {
		t.Errorf("another address = %d, want 200", code)
	}
	now = now.Add(21 * time.Second)
	if code, _ := from("192.0.2.1:2", "/mint"); code != 200 {
		t.Errorf("after the wait = %d, want 200", code)
	}
	for i, address := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8::4]:1"} {
		if code, _ := from(address, "/mint"); (code == 429) != (i == 3) {
			t.Errorf("%s = %d: one network is one client", address, code)
		}
	}
}
