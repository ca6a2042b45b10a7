package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

func TestRateLimit(t *testing.T) {
	now := time.Unix(1000, 0)
	row := get("/burn", route.Open)
	row.Limit = route.LimitBurn
	o := server.Options{
		Rates: map[route.Limit]int{route.LimitBurn: 3, route.LimitUpload: 0}, Now: func() time.Time { return now },
	}
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
		if code, _ := from("192.0.2.1:1", "/burn"); code != 200 {
			t.Fatalf("request %d = %d, want 200", i, code)
		}
	}
	if code, retry := from("192.0.2.1:2", "/burn"); code != 429 || retry != "20" {
		t.Errorf("fourth request = %d, Retry-After %q, want 429, 20", code, retry)
	}
	for _, path := range []string{"/free", "/upload"} {
		if code, _ := from("192.0.2.1:2", path); code != 200 {
			t.Errorf("%s = %d, want 200: it has no such limit", path, code)
		}
	}
	if code, _ := from("192.0.2.2:1", "/burn"); code != 200 {
		t.Errorf("another address = %d, want 200", code)
	}
	now = now.Add(21 * time.Second)
	if code, _ := from("192.0.2.1:2", "/burn"); code != 200 {
		t.Errorf("after the wait = %d, want 200", code)
	}
	for i, address := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8::4]:1"} {
		if code, _ := from(address, "/burn"); (code == 429) != (i == 3) {
			t.Errorf("%s = %d: one network is one client", address, code)
		}
	}
}

// limited is a server with one form for users who are not signed in, and a function that posts it from an address.
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

// The sign-in limit applies to strangers. Requests of signed-in users neither use it nor are subject to it, and a known
// browser has a limit of its own.
func TestSignInLimitIsForStrangers(t *testing.T) {
	now := time.Unix(1000, 0)
	known := func(r *http.Request) string { return r.Header.Get("X-Known") }
	send := limited(t, server.Options{Now: func() time.Time { return now }, Known: known})
	session := []string{"Cookie", "c=" + goodSession}
	for range 10 {
		if code := send("192.0.2.1:1", session...); code != 200 {
			t.Fatalf("a signed-in user = %d, want 200", code)
		}
	}
	for i := range 5 {
		if code := send("192.0.2.1:1", "Cookie", "c=nonsense"); (code == 429) != (i >= 3) {
			t.Errorf("request %d of a stranger = %d", i, code)
		}
	}
	if code := send("192.0.2.1:1", session...); code != 200 {
		t.Errorf("a signed-in user beside strangers = %d, want 200", code)
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

// However many networks strangers use, they use up no limit of another site, of a known browser, or of a signed-in
// user.
func TestFloodFromManyNetworksShutsNobodyOut(t *testing.T) {
	now := time.Unix(1000, 0)
	send := limited(t, server.Options{
		Now: func() time.Time { return now }, Known: func(r *http.Request) string { return r.Header.Get("X-Known") },
	})
	taken := 0
	for i := range 100 {
		for range 4 {
			if send(fmt.Sprintf("[2001:db8:0:%x::1]:1", i)) == 200 {
				taken++
			}
		}
	}
	if taken != 30 {
		t.Errorf("of 400 requests from 100 networks of a /48, %d were answered, want 30, 10 times the 3 of one network",
			taken)
	}
	for i := range 100 {
		for range 4 {
			send(fmt.Sprintf("[2001:db8:%x::1]:1", 0x100+i))
			send(fmt.Sprintf("10.0.%d.1:1", i))
		}
	}
	for address, header := range map[string][]string{
		"198.51.100.77:1": nil, "[2001:db8:1::1]:1": nil,
		"[2001:db8::1]:1": {"X-Known", "laptop"}, "[2001:db8::2]:1": {"Cookie", "c=" + goodSession},
	} {
		if code := send(address, header...); code != 200 {
			t.Errorf("%s with %q = %d after a flood from elsewhere, want 200", address, header, code)
		}
	}
	if code := send("[2001:db8:0:ffff::1]:1"); code != 429 {
		t.Errorf("another network of the /48 = %d, want 429", code)
	}
	now = now.Add(time.Minute)
	if code := send("[2001:db8:0:ffff::1]:1"); code != 200 {
		t.Errorf("a minute later = %d, want 200", code)
	}
}

// The addresses of an IPv4 /24 also share a limit, even if written as IPv6.
func TestLimitOfSite(t *testing.T) {
	now := time.Unix(1000, 0)
	send := limited(t, server.Options{Now: func() time.Time { return now }})
	taken := 0
	for i := range 200 {
		if send(fmt.Sprintf([]string{"192.0.2.%d:1", "[::ffff:192.0.2.%d]:1"}[i%2], i)) == 200 {
			taken++
		}
	}
	if taken != 30 {
		t.Errorf("of 200 addresses of a /24, %d were answered, want 30", taken)
	}
	if code := send("192.0.3.1:1"); code != 200 {
		t.Errorf("the /24 beside it = %d, want 200", code)
	}
}

// Granted exchanges do not use up the limit, so any number of jobs can run behind one address. Refused exchanges do.
// Only requests that are never granted to strangers are exempt in this way.
func TestGrantedExchangesAreNotCounted(t *testing.T) {
	for limit, counted := range map[route.Limit]bool{
		route.LimitMint:   false,
		route.LimitLeak:   false,
		route.LimitBurn:   true,
		route.LimitSignIn: true,
		route.LimitUpload: true,
		route.LimitQuery:  true,
	} {
		now := time.Unix(1000, 0)
		row := get("/mint", route.Open)
		row.Limit = limit
		row.Handle = func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
			switch r.URL.RawQuery {
			case "refused":
				return fault.New(fault.Invalid, "rubbish")
			case "page":
				w.WriteHeader(http.StatusUnprocessableEntity)
			}
			return nil
		}
		s := newServer(t, server.Options{Rates: map[route.Limit]int{limit: 4}, Now: func() time.Time { return now }}, row)
		send := func(query string) int {
			r := httptest.NewRequest("GET", "/mint?"+query, nil)
			r.RemoteAddr = "192.0.2.1:1"
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w.Code
		}
		for i := range 50 {
			if code := send(""); (code == 429) != (counted && i >= 4) {
				t.Fatalf("%s: granted request %d = %d", limit, i, code)
			}
		}
		now = now.Add(time.Minute)
		for i, query := range []string{"refused", "", "page", "", "refused", "page", "refused"} {
			if code := send(query); !counted && (code == 429) != (i == 6) {
				t.Errorf("%s: request %d, %q, = %d", limit, i, query, code)
			}
		}
	}
}

// Uploads need a credential. However many networks they come from, none delays another.
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
