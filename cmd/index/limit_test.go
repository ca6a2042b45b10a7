//go:build !windows

package main

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/route"
)

// Every route that writes without a credential has a limit, and no other route without a credential writes anything:
// what strangers can have written is bounded.
func TestReadingWithoutCredentialWritesNothing(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	h, err := sql.Open("sqlite", x.app.DB.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	h.SetMaxOpenConns(1) // the number is each connection's own
	version := func() (n int64) {
		t.Helper()
		if err := h.QueryRow(`PRAGMA data_version`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := version()
	for _, r := range x.server.Routes() {
		if !r.Auth.Anonymous() {
			continue
		}
		if r.Method != http.MethodGet {
			if r.Limit == "" {
				t.Errorf("%s %s has no limit", r.Method, r.Path)
			}
			continue
		}
		for _, path := range x.things(strings.ReplaceAll(r.Path, ":secret", "nonsense")) {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				x.visit(t, method, path, "nobody", "")
				if after := version(); after != before {
					t.Errorf("%s %s wrote to the database: it needs Writes and a limit", method, path)
					before = after
				}
			}
		}
	}
}

// Signing in is limited for each network. A page says so to people, JSON to scripts, and who is signed in goes on.
func TestSignInIsLimited(t *testing.T) {
	x := newFixture(t, "https://index.example", true)
	x.people(t)
	address := "192.0.2.7:1"
	x.address = func() string { return address }
	form := url.Values{"user": {"nobody"}, "password": {"wrong"}}.Encode()
	script := []string{
		"Origin", "https://index.example", "Sec-Fetch-Site", "same-origin", "Content-Type", "application/json",
	}
	sent := 0
	send := func(path string, header ...string) *httptest.ResponseRecorder {
		sent++
		return x.visit(t, http.MethodPost, path, "nobody", form, header...)
	}
	for _, path := range []string{
		"/login/code/", "/login/passkey/begin/", "/login/passkey/", "/login/forgotten/", "/logout/",
		"/setup/nonsense/", "/invite/nonsense/", "/reset/nonsense/", "/invite/nonsense/passkey/",
		"/invite/nonsense/passkey/begin/",
	} {
		for range 6 {
			if got := send(path); got.Code == http.StatusTooManyRequests {
				t.Fatalf("request %d, POST %s = %d", sent, path, got.Code)
			}
		}
	}
	for _, path := range []string{"/login/", "/login/code/", "/logout/", "/reset/nonsense/"} {
		got := send(path)
		if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" ||
			!strings.Contains(got.Body.String(), "<h1>") ||
			!strings.Contains(got.Body.String(), "Too many requests from this address") {
			t.Errorf("POST %s beyond the limit = %d, Retry-After %q: %.300s", path, got.Code, got.Header().Get("Retry-After"),
				got.Body)
		}
	}
	for _, path := range []string{"/login/passkey/begin/", "/login/passkey/", "/invite/nonsense/passkey/begin/"} {
		got := send(path, script...)
		if got.Code != http.StatusTooManyRequests || got.Header().Get("Content-Type") != "application/json" ||
			!strings.HasPrefix(got.Body.String(), `{"error":"Too many requests`) {
			t.Errorf("POST %s by a script beyond the limit = %d %s", path, got.Code, got.Body)
		}
	}
	if got := x.visit(t, http.MethodGet, "/login/", "nobody", ""); got.Code != http.StatusOK {
		t.Errorf("the sign-in page = %d", got.Code)
	}
	if got := x.visit(t, http.MethodPost, "/login/passkey/begin/", "owner", "{}", script...); got.Code != http.StatusOK {
		t.Errorf("somebody signed in who confirms = %d %s", got.Code, got.Body)
	}
	device, err := x.app.SignIn.Remember(t.Context(), x.users["owner"])
	if err != nil {
		t.Fatal(err)
	}
	known := append([]string{"Cookie", route.Cookie(x.base, "device").Name + "=" + device.Reveal()}, script...)
	if got := send("/login/passkey/begin/", known...); got.Code != http.StatusOK {
		t.Errorf("a browser in which somebody signed in before = %d %s", got.Code, got.Body)
	}
	address = "192.0.2.8:1"
	if got := send("/login/passkey/begin/"); got.Code != http.StatusOK {
		t.Errorf("another address = %d %s", got.Code, got.Body)
	}
	if got := x.visit(t, http.MethodPost, "/logout/", "reader", ""); got.Code != http.StatusSeeOther {
		t.Errorf("signing out = %d", got.Code)
	}
}
