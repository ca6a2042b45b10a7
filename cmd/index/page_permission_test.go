//go:build !windows

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
)

// visitors are the columns of the pages' matrix. The tokens are sent as an installer sends them, and pages do not look
// at them; a stranger has an account and no role of its own; the others have the role of that name in the project of
// main.
var visitors = []string{
	"nobody", "token", "minted", "stranger", "reader", "uploader", "maintainer", "owner", "administrator",
}

// people makes the accounts of the visitors.
func (x *fixture) people(t *testing.T) {
	t.Helper()
	name, err := packaging.ParseProjectName(demo)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range visitors[3:] {
		u, err := x.app.Directory.AddUser(t.Context(), x.app.Operator, access.NewUser{Name: v, Admin: v == "administrator"})
		if err != nil {
			t.Fatal(err)
		}
		x.users[v] = u.ID
		role, err := access.ParseRole(v)
		if err != nil {
			continue
		}
		if err := x.app.Index.Grant(t.Context(), x.app.Operator, "main", name, v, role); err != nil {
			t.Fatal(err)
		}
	}
}

// cookie signs a visitor in anew, so that no answer depends on what the one before did to the session.
func (x *fixture) cookie(t testing.TB, visitor string) *http.Cookie {
	t.Helper()
	_, s, err := x.app.Directory.BeginSession(t.Context(), access.Guest(true),
		access.NewSession{UserID: x.users[visitor], Method: "password"})
	if err != nil {
		t.Fatal(err)
	}
	c := route.Cookie(x.base, route.SessionCookie)
	c.Value = s.Reveal()
	return c
}

// visit asks for a page as a visitor. A form comes from a page of the index itself, unless headers say otherwise.
func (x *fixture) visit(t *testing.T, method, path, visitor, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, x.base.Scheme+"://"+x.base.Host+path, strings.NewReader(body))
	if x.address != nil {
		r.RemoteAddr = x.address()
	}
	switch visitor {
	case "nobody":
	case "token":
		r.SetBasicAuth("__token__", x.tokens["admin"].Reveal())
	case "minted":
		r.SetBasicAuth("__token__", x.tokens["minted"].Reveal())
	default:
		r.AddCookie(x.cookie(t, visitor))
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if header == nil {
			header = []string{"Origin", x.base.Scheme + "://" + x.base.Host, "Sec-Fetch-Site", "same-origin"}
		}
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	x.server.ServeHTTP(w, r)
	return w
}

// told is an answer in a word: its status, and where it leads for the two ways of proving who one is.
func told(w *httptest.ResponseRecorder) string {
	at := w.Header().Get("Location")
	switch {
	case strings.HasPrefix(at, "/login/"):
		return "sign-in"
	case strings.HasPrefix(at, "/confirm/"):
		return "confirm"
	}
	return fmt.Sprint(w.Code)
}

// pageRoutes are the routes that people's browsers ask for.
func (x *fixture) pageRoutes() (all []route.Route) {
	for _, r := range x.server.Routes() {
		if r.Auth.Session() {
			all = append(all,
				route.Route{Method: r.Method, Path: strings.ReplaceAll(r.Path, ":secret", "nonsense"), Auth: r.Auth})
		}
	}
	return all
}

// Every page, each kind of visitor, on an index that nobody may read without an account and on one that anybody may.
// Forms are sent empty: 400 and 422 are the answers to somebody who may send them filled in.
func TestPagePermissions(t *testing.T) {
	for _, open := range []bool{false, true} {
		name := map[bool]string{false: "closed", true: "open"}[open]
		t.Run(name, func(t *testing.T) {
			x := newFixture(t, "http://h.example", open)
			x.people(t)
			asked := 0
			// so that no limit matters
			x.address = func() string { asked++; return fmt.Sprintf("10.%d.%d.1:1", asked/200, asked%200) }
			rows := [][]string{append([]string{"METHOD", "PATH"}, visitors...)}
			for _, r := range x.pageRoutes() {
				for _, path := range x.things(r.Path) {
					row := []string{r.Method, strings.ReplaceAll(path, x.publisher, "PUBLISHER")}
					for _, v := range visitors {
						got := x.visit(t, r.Method, path, v, "")
						row = append(row, told(got))
						if r.Method != http.MethodGet {
							continue
						}
						if head := x.visit(t, http.MethodHead, path, v, ""); head.Code != got.Code {
							t.Errorf("HEAD %s as %s = %d, but GET = %d", path, v, head.Code, got.Code)
						}
					}
					if row[2] != row[3] || row[2] != row[4] {
						t.Errorf("%s %s as nobody = %s, but with tokens %s and %s", r.Method, path, row[2], row[3], row[4])
					}
					rows = append(rows, row)
				}
			}
			golden(t, "pages-"+name+".txt", columns(rows))
		})
	}
}

// A page or form about a project that somebody may not see answers as for one that does not exist, and so does
// everything in the repository that only administrators see: status, address and every byte but the name that was asked
// for.
func TestHiddenPagesAreMissing(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	for _, r := range x.pageRoutes() {
		if !strings.Contains(r.Path, ":repository") {
			continue
		}
		for _, v := range visitors[:len(visitors)-1] {
			shape := func(repository, project string) string {
				path := strings.NewReplacer(":repository", repository, ":project", project, ":version", "1.0").Replace(r.Path)
				got := x.visit(t, r.Method, path, v, "typed="+project)
				text := fmt.Sprint(got.Code, got.Header().Get("Location"), got.Header().Get("Cache-Control"), got.Body)
				return strings.NewReplacer("/r/"+repository, "/r/REPOSITORY", url.QueryEscape("/r/"+repository), "REPOSITORY",
					project, "PROJECT").Replace(text)
			}
			hidden := shape(secret, demo)
			for what, missing := range map[string]string{
				"another project": shape(secret, "nothing"), "another repository": shape(nowhere, demo),
			} {
				if hidden != strings.ReplaceAll(missing, nowhere, secret) {
					t.Errorf("%s %s as %s: hidden is\n%s\n%s that does not exist is\n%s", r.Method, r.Path, v, hidden, what, missing)
				}
			}
		}
	}
}

// A form that another site's page sends, or that does not say where it is from, is refused everywhere, whoever is
// signed in, and changes nothing.
func TestFormsOfOtherSites(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	before := x.recorded(t)
	for _, r := range x.pageRoutes() {
		if r.Method == http.MethodGet {
			continue
		}
		for _, path := range x.things(r.Path) {
			for _, from := range [][]string{
				{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
				{"Origin", "https://evil.h.example", "Sec-Fetch-Site", "same-site"},
				{"Origin", "http://h.example:8080"},
				{"Origin", "null"},
				{"Sec-Fetch-Site", "cross-site"},
				{"Content-Type", "text/plain"},
				{"Referer", "http://h.example/"},
			} {
				for _, v := range []string{"nobody", "owner", "administrator"} {
					if got := x.visit(t, r.Method, path, v, "typed="+demo, from...); got.Code != http.StatusForbidden {
						t.Errorf("POST %s as %s with %q = %d, want 403", path, v, from, got.Code)
					}
				}
			}
		}
	}
	if after := x.recorded(t); after != before {
		t.Errorf("the record had %d entries besides those of signing in, and has %d", before, after)
	}
}

// recorded counts the record's entries without those of signing in.
func (x *fixture) recorded(t *testing.T) (n int) {
	t.Helper()
	err := x.app.Index.WalkRecord(t.Context(), x.app.Operator, browse.HistoryFilter{Limit: audit.MaxEntries},
		func(h browse.History) error {
			for _, e := range h.Entries {
				if e.Action != "session.begin" {
					n++
				}
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
