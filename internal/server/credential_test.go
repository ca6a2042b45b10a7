package server_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/route"
	"pyindex/internal/server"
)

func basicAuth(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestCredentials(t *testing.T) {
	tests := []struct {
		name, value string
		good        bool
	}{
		{"basic", basicAuth("__token__", goodToken), true},
		{"any user name", basicAuth("alice", goodToken), true},
		{"no user name", basicAuth("", goodToken), true},
		{"pasted with a line end", basicAuth("__token__", " "+goodToken+"\r\n"), true},
		{"lower case scheme", strings.Replace(basicAuth("u", goodToken), "Basic", "basic", 1), true},
		{"without padding", strings.TrimRight(basicAuth("u", goodToken), "="), true},
		{"two blanks", strings.Replace(basicAuth("u", goodToken), " ", "  ", 1), true},
		{"bearer", "Bearer " + goodToken, true},
		{"token", "token " + goodToken, true},
		{"token as the user name", basicAuth(goodToken, ""), false},
		{"wrong token", basicAuth("__token__", "pypi-idx_bad"), false},
		{"empty password", basicAuth("__token__", ""), false},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte(goodToken)), false},
		{"not base 64", "Basic *", false},
		{"digest", "Digest " + goodToken, false},
		{"scheme alone", "Bearer", false},
		{"bearer of nothing", "Bearer ", false},
		{"empty", "", false},
		{"huge", "Bearer " + strings.Repeat("x", 9000), false},
		{"token alone", goodToken, false},
	}
	for _, closed := range []bool{true, false} {
		s := newServer(t, server.Options{Keyring: keyring{closed}, Name: "acme"}, get("/r", route.Reader),
			get("/w", route.Writer))
		for _, tt := range tests {
			for _, path := range []string{"/r", "/w"} {
				want := http.StatusUnauthorized
				if tt.good {
					want = http.StatusOK
				}
				got := ask(s, "GET", path, "Authorization", tt.value)
				if got.StatusCode != want {
					t.Errorf("%s, closed %v: GET %s = %d, want %d", tt.name, closed, path, got.StatusCode, want)
				}
				checkChallenge(t, got)
			}
		}
	}
}

func checkChallenge(t *testing.T, r *http.Response) {
	t.Helper()
	if got := r.Header.Get("WWW-Authenticate"); r.StatusCode == http.StatusUnauthorized && got != `Basic realm="acme"` {
		t.Errorf("401 has the challenge %q, want Basic realm=\"acme\"", got)
	}
}

func TestNoCredentials(t *testing.T) {
	tests := []struct {
		closed bool
		path   string
		want   int
	}{
		{true, "/r", 401},
		{true, "/w", 401},
		{true, "/o", 200},
		{false, "/r", 200},
		{false, "/w", 401},
		{false, "/o", 200},
	}
	for _, tt := range tests {
		s := newServer(t, server.Options{Keyring: keyring{tt.closed}, Name: "acme"}, get("/r", route.Reader),
			get("/w", route.Writer), get("/o", route.Open))
		got := ask(s, "GET", tt.path)
		if got.StatusCode != tt.want {
			t.Errorf("closed %v: GET %s = %d, want %d", tt.closed, tt.path, got.StatusCode, tt.want)
		}
		checkChallenge(t, got)
		if got := ask(s, "GET", "/o", "Authorization", "Bearer bad"); got.StatusCode != 200 {
			t.Errorf("an open route looked at a credential: %d", got.StatusCode)
		}
		if got := ask(s, "GET", tt.path, "Cookie", "session="+goodToken); got.StatusCode != tt.want {
			t.Errorf("closed %v: GET %s with a cookie = %d, want %d", tt.closed, tt.path, got.StatusCode, tt.want)
		}
	}
}

func TestTwoCredentials(t *testing.T) {
	s := newServer(t, server.Options{}, get("/r", route.Reader))
	got := ask(s, "GET", "/r", "Authorization", "Bearer "+goodToken, "Authorization", "Bearer bad")
	if got.StatusCode != 401 {
		t.Errorf("GET with two credentials = %d, want 401", got.StatusCode)
	}
}
