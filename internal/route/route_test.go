package route_test

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/route"
)

// Check rejects a row that writes without a credential and has no limit, and a row without a credential rule.
func TestCheckAsksForALimit(t *testing.T) {
	handle := func(http.ResponseWriter, *http.Request, access.Caller) error { return nil }
	check := func(r route.Route) error {
		r.Path, r.Handle = "/x/", handle
		return route.Table{
			Name: "t", Fail: func(http.ResponseWriter, *http.Request, error) {}, Routes: []route.Route{r},
		}.Check()
	}
	for _, auth := range []route.Auth{route.Open, route.Reader, route.Visitor, route.Page} {
		for _, r := range []route.Route{
			{Method: "POST"}, {Method: "PUT"}, {Method: "PATCH"}, {Method: "DELETE"}, {Method: "GET", Writes: true},
		} {
			r.Auth = auth
			if err := check(r); err == nil || !strings.Contains(err.Error(), "limit") || !strings.Contains(err.Error(), "/x/") {
				t.Errorf("%s as %v without a limit: Check() = %v, want an error that names it", r.Method, auth, err)
			}
			r.Limit = route.LimitSignIn
			if err := check(r); err != nil {
				t.Errorf("%s as %v with a limit: Check() = %v", r.Method, auth, err)
			}
		}
		if err := check(route.Route{Method: "GET", Auth: auth}); err != nil {
			t.Errorf("GET as %v: Check() = %v", auth, err)
		}
	}
	for _, auth := range []route.Auth{route.Writer, route.Signed} {
		if err := check(route.Route{Method: "POST", Auth: auth}); err != nil {
			t.Errorf("POST as %v, which needs a credential: Check() = %v", auth, err)
		}
	}
	if err := check(route.Route{Method: "POST", Limit: route.LimitMint}); err == nil {
		t.Error("a row without an Auth is taken")
	}
}

func TestOverlap(t *testing.T) {
	for _, pair := range [][2]string{
		{"/a/", "/a/"},
		{"/a/:x/", "/a/b/"},
		{"/a/b", "/:x/b"},
		{"/a/b/c", "/a/*"},
		{"/a/*", "/a/b/c/d"},
		{"/simple/x/", "/simple/:project/"},
		{"/r/team/simple/:project", "/r/:repository/simple/:project"},
	} {
		if !route.Overlap(pair[0], pair[1]) || !route.Overlap(pair[1], pair[0]) {
			t.Errorf("Overlap(%q, %q) = false", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"/a/", "/a"}, {"/a/", "/a/:x"}, {"/a/b/", "/b/:x/"}, {"/a/b/c/", "/a/:x/"}, {"/api/pypi/x/simple/", "/api/v1/*"},
	} {
		if route.Overlap(pair[0], pair[1]) || route.Overlap(pair[1], pair[0]) {
			t.Errorf("Overlap(%q, %q) = true", pair[0], pair[1])
		}
	}
}
