package server_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// Pages accept only sessions, and APIs accept only tokens.
func TestSessions(t *testing.T) {
	say := func(w http.ResponseWriter, _ *http.Request, who access.Caller) error {
		_, err := io.WriteString(w, who.Name())
		return err
	}
	var rows []route.Route
	for name, auth := range map[string]route.Auth{
		"visitor": route.Visitor, "page": route.Page, "signed": route.Signed, "reader": route.Reader,
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				rows = append(rows, route.Route{Method: method, Path: "/" + name, Auth: auth, Limit: "any", Handle: say})
			}
		})
	}
	closed := newServer(t, server.Options{Cookie: "c", Keyring: keyring{closed: true}}, rows...)
	open := newServer(t, server.Options{Cookie: "c"}, rows...)
	good, bad := []string{"Cookie", "c=" + goodSession}, []string{"Cookie", "c=nonsense"}
	token := []string{"Authorization", basicAuth("__token__", goodToken)}
	own, cross := []string{"Sec-Fetch-Site", "same-origin"}, []string{"Sec-Fetch-Site", "cross-site"}
	for _, c := range []struct {
		name, method, path string
		closed, open       int
		header             [][]string
	}{
		{"anonymous on visitor", "GET", "/visitor", 200, 200, nil},
		{"anonymous on page", "GET", "/page", 401, 200, nil},
		{"anonymous on signed", "GET", "/signed", 401, 401, nil},
		{"session visits", "GET", "/visitor", 200, 200, [][]string{good}},
		{"session reads", "GET", "/page", 200, 200, [][]string{good}},
		{"session signed", "GET", "/signed", 200, 200, [][]string{good}},
		{"bad session visits", "GET", "/visitor", 200, 200, [][]string{bad}},
		{"bad session reads", "GET", "/page", 401, 200, [][]string{bad}},
		{"bad session signed", "GET", "/signed", 401, 401, [][]string{bad}},
		{"token reads a page", "GET", "/page", 401, 200, [][]string{token}},
		{"token signed", "GET", "/signed", 401, 401, [][]string{token}},
		{"bad token on a page", "GET", "/page", 200, 200, [][]string{good, {"Authorization", "Bearer nonsense"}}},
		{"session at an API", "GET", "/reader", 401, 200, [][]string{good}},
		{"another cookie", "GET", "/signed", 401, 401, [][]string{{"Cookie", "d=" + goodSession}}},
		{"own form", "POST", "/signed", 200, 200, [][]string{good, own}},
		{"own form by origin", "POST", "/signed", 200, 200, [][]string{good, {"Origin", "http://h"}}},
		{"form of another site", "POST", "/signed", 403, 403, [][]string{good, cross}},
		{"form of another origin", "POST", "/signed", 403, 403, [][]string{good, {"Origin", "https://evil.example"}}},
		{"form of a sibling", "POST", "/signed", 403, 403, [][]string{good, {"Sec-Fetch-Site", "same-site"}}},
		{"form from nowhere", "POST", "/signed", 403, 403, [][]string{good}},
		{"form from nowhere, to sign in", "POST", "/visitor", 403, 403, nil},
		{"own form, anonymous", "POST", "/signed", 401, 401, [][]string{own}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for want, s := range map[*int]*server.Server{&c.closed: closed, &c.open: open} {
				var header []string
				for _, h := range c.header {
					header = append(header, h...)
				}
				got := ask(s, c.method, "http://h"+c.path, header...)
				if got.StatusCode != *want {
					t.Errorf("%s: %s %s = %d, want %d", c.name, c.method, c.path, got.StatusCode, *want)
				}
				if signedIn := body(t, got) == "signed in"; got.StatusCode == 200 &&
					signedIn != (len(c.header) > 0 && c.header[0][1] == good[1] && c.path != "/reader") {
					t.Errorf("%s: signed in is %v", c.name, signedIn)
				}
			}
		})
	}
}

func TestCookie(t *testing.T) {
	for base, want := range map[string]string{
		"https://h.example/team": "__Host-index-session=; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://127.0.0.1:8080":  "index-session-8080=; Path=/; HttpOnly; SameSite=Lax",
		"http://localhost":       "index-session-80=; Path=/; HttpOnly; SameSite=Lax",
	} {
		u, _ := url.Parse(base)
		if got := route.Cookie(u, route.SessionCookie).String(); got != want {
			t.Errorf("Cookie(%s) = %q, want %q", base, got, want)
		}
	}
}

// A feed accepts a token as APIs do, and the session of a browser without one.
func TestFeedCredentials(t *testing.T) {
	row := route.Route{
		Method: "GET", Path: "/feed", Auth: route.Feed,
		Handle: func(w http.ResponseWriter, _ *http.Request, who access.Caller) error {
			_, err := io.WriteString(w, who.Name())
			return err
		},
	}
	good, bad := "c="+goodSession, "c=nonsense"
	for _, c := range []struct {
		name, cookie, authorization string
		closed, open                int
		who                         string
	}{
		{"anonymous", "", "", 401, 200, ""},
		{"session", good, "", 200, 200, "signed in"},
		{"bad session", bad, "", 401, 200, ""},
		{"token", "", basicAuth("__token__", goodToken), 200, 200, ""},
		{"bad token", "", basicAuth("__token__", "nonsense"), 401, 401, ""},
		{"bad token with a session", good, basicAuth("__token__", "nonsense"), 401, 401, ""},
	} {
		for _, closed := range []bool{true, false} {
			s := newServer(t, server.Options{Cookie: "c", Keyring: keyring{closed: closed}, Name: "acme"}, row)
			var header []string
			if c.cookie != "" {
				header = append(header, "Cookie", c.cookie)
			}
			if c.authorization != "" {
				header = append(header, "Authorization", c.authorization)
			}
			want := c.open
			if closed {
				want = c.closed
			}
			got := ask(s, "GET", "/feed", header...)
			if who := body(t, got); got.StatusCode != want || want == 200 && c.who != "" && who != c.who {
				t.Errorf("%s, closed %v: %d as %q, want %d as %q", c.name, closed, got.StatusCode, who, want, c.who)
			}
			checkChallenge(t, got)
		}
	}
	post := row
	post.Method, post.Limit = "POST", "any"
	if err := (route.Table{
		Name: "x", Fail: func(http.ResponseWriter, *http.Request, error) {},
		Routes: []route.Route{post},
	}).Check(); err == nil {
		t.Error("a route for feeds may write")
	}
}

// For an unknown address, browsers get a page and other clients get a line of text.
func TestMissing(t *testing.T) {
	s := newServer(t, server.Options{Missing: func(w http.ResponseWriter, _ *http.Request, _ access.Caller) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "page")
	}})
	for accept, page := range map[string]bool{
		"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8":       true,
		"application/vnd.pypi.simple.v1+json, text/html;q=0.01": false,
		"*/*": false,
		"":    false,
	} {
		got := ask(s, "GET", "/nothing", "Accept", accept)
		if text := body(t, got); (text == "page") != page || got.StatusCode != 404 {
			t.Errorf("GET /nothing for %q = %d %q", accept, got.StatusCode, text)
		}
	}
}
