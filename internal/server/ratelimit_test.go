package server_test

import (
	"fmt"
	"net/http"
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

// limited is a server with one form for people who are not signed in, and what sends it from an address.
func limited(t *testing.T, o server.Options) (send func(address string, header ...string) int) {
	t.Helper()
	row := get("/login", route.Visitor)
	row.Method, row.Limit = "POST", route.LimitSignIn
	o.Rates, o.Cookie = map[route.Limit]int{route.LimitSignIn: 3}, "c"
	s := newServer(t, o, row)
	return func(address string, header ...string) int {
		t.Helper()
		r := httptest.NewRequest("POST", "http://h/login", nil)
		r.RemoteAddr = address
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if (w.Code == 429) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%d with Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		return w.Code
	}
}

// The limit of signing in is for strangers: people who are signed in use nothing of it and are not held up by it, and a browser
// that is known has a share of its own.
func TestSignInLimitIsForStrangers(t *testing.T) {
	now := time.Unix(1000, 0)
	known := func(r *http.Request) string { return r.Header.Get("X-Known") }
	send := limited(t, server.Options{Now: func() time.Time { return now }, Known: known})
	session := []string{"Cookie", "c=" + goodSession}
	for range 10 {
		if code := send("192.0.2.1:1", session...); code != 200 {
			t.Fatalf("somebody who is signed in = %d, want 200", code)
		}
	}
	for i := range 5 {
		if code := send("192.0.2.1:1", "Cookie", "c=nonsense"); (code == 429) != (i >= 3) {
			t.Errorf("request %d of a stranger = %d", i, code)
		}
	}
	if code := send("192.0.2.1:1", session...); code != 200 {
		t.Errorf("somebody who is signed in, beside strangers = %d, want 200", code)
	}
	for i := range 5 {
		if code := send("192.0.2.1:1", "X-Known", "laptop"); (code == 429) != (i >= 3) {
			t.Errorf("request %d of a known browser = %d", i, code)
		}
	}
	if code := send("192.0.2.1:1", "X-Known", "phone"); code != 200 {
		t.Errorf("another known browser = %d, want 200", code)
	}
}

// All networks together have a limit too, of which nobody in a known browser and nobody signed in needs a share.
func TestSharedLimit(t *testing.T) {
	now := time.Unix(1000, 0)
	send := limited(t, server.Options{Now: func() time.Time { return now }, Known: func(r *http.Request) string { return r.Header.Get("X-Known") }})
	taken := 0
	for i := range 100 {
		if send(fmt.Sprintf("10.0.%d.1:1", i)) == 200 {
			taken++
		}
	}
	if taken != 60 {
		t.Errorf("of 100 networks %d were answered, want 60, 20 times the 3 of one", taken)
	}
	for what, header := range map[string][]string{"a known browser": {"X-Known", "laptop"}, "a session": {"Cookie", "c=" + goodSession}} {
		if code := send("10.9.9.9:1", header...); code != 200 {
			t.Errorf("%s = %d, want 200", what, code)
		}
	}
	now = now.Add(time.Minute)
	if code := send("10.9.9.9:1"); code != 200 {
		t.Errorf("a minute later = %d, want 200", code)
	}
}

// Uploads need a credential: however many networks they come from, none holds up another.
func TestUploadLimitIsNotShared(t *testing.T) {
	row := get("/upload", route.Writer)
	row.Limit = route.LimitUpload
	s := newServer(t, server.Options{Rates: map[route.Limit]int{route.LimitUpload: 1}}, row)
	for i := range 50 {
		r := httptest.NewRequest("GET", "/upload", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.%d.1:1", i)
		r.Header.Set("Authorization", basicAuth("__token__", goodToken))
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != 200 {
			t.Fatalf("network %d = %d, want 200", i, w.Code)
		}
	}
}
