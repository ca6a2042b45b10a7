package server_test

import (
	"context"
	"errors"
	"io"
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

// keyring knows one valid token. Permissions are tested elsewhere; these tests check only which callers reach a
// handler.
type keyring struct{ closed bool }

const goodToken = "pypi-idx_good"

func (k keyring) Closed() bool         { return k.closed }
func (k keyring) Guest() access.Caller { return access.Guest(!k.closed) }
func (k keyring) Identify(_ context.Context, user string, s access.Secret) (access.Caller, error) {
	if s.Reveal() != goodToken {
		return access.Caller{}, fault.New(fault.Unauthenticated, "unknown token for %s", user)
	}
	return access.Guest(true), nil
}

func (k keyring) Authorize(ctx context.Context, value string, parse func(string) (string, access.Secret, error),
) (access.Caller, error) {
	user, s, err := parse(value)
	if err != nil {
		return access.Caller{}, err
	}
	return k.Identify(ctx, user, s)
}

func (k keyring) Session(_ context.Context, s access.Secret) (access.Caller, error) {
	if s.Reveal() != goodSession {
		return access.Caller{}, fault.New(fault.Unauthenticated, "no session")
	}
	return access.Operator("signed in"), nil
}

const goodSession = "session_good"

// fail is a typical Fail of a table.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	status := map[fault.Kind]int{
		fault.Internal: 500, fault.NotFound: 404, fault.Invalid: 400, fault.Denied: 403, fault.Unauthenticated: 401,
		fault.TooMany: 429, fault.Unavailable: 503,
	}[fault.KindOf(err)]
	w.WriteHeader(status)
	io.WriteString(w, fault.Message(err))
}

func echoValues(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	for _, name := range []string{"repository", "project", "filename"} {
		if v := r.PathValue(name); v != "" {
			io.WriteString(w, name+"="+v+";")
		}
	}
	return nil
}

func get(path string, auth route.Auth) route.Route {
	return route.Route{Method: "GET", Path: path, Auth: auth, Handle: echoValues}
}

func table(rows ...route.Route) route.Table {
	return route.Table{Name: "test", Fail: fail, Routes: rows}
}

func newServer(t testing.TB, o server.Options, rows ...route.Route) *server.Server {
	t.Helper()
	if o.Keyring == nil {
		o.Keyring = keyring{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := server.New(o, table(rows...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(h http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	row := get("/simple/:project/", route.Open)
	row.Tree = true
	file := get("/packages/:project/:filename", route.Open)
	s := newServer(t, server.Options{}, row, file)
	tests := []struct {
		target string
		status int
		body   string
	}{
		{"/simple/foo/", 200, "project=foo;"},
		{"/r/team/simple/foo/", 200, "repository=team;project=foo;"},
		{"/packages/a/foo-1.0%2Bcu121.whl", 200, "project=a;filename=foo-1.0+cu121.whl;"},
		{"/packages/a/foo-1.0+cu121.whl", 200, "project=a;filename=foo-1.0+cu121.whl;"},
		{"/packages/a/foo-1%210.whl", 200, "project=a;filename=foo-1!0.whl;"},
		{"/packages/a/%66oo.whl", 200, "project=a;filename=foo.whl;"},
		{"/simple/%C3%A9/", 200, "project=é;"},
		{"/simple/a%20b/", 200, "project=a b;"},
		{"/simple/...foo/", 200, "project=...foo;"},
		{"/simple/..foo/", 200, "project=..foo;"},
		{"/simple/..%2Fsecret/", 400, ""},
		{"/simple/%2e%2e/", 400, ""},
		{"/simple/../secret/", 400, ""},
		{"/simple/./foo/", 400, ""},
		{"/simple/..;/secret/", 400, ""},
		{"/simple/%2e%2e%3b/", 400, ""},
		{"/simple/%252e%252e/", 400, ""},
		{"/simple/100%25/", 400, ""},
		{"/simple/a%2Fb/", 400, ""},
		{"/simple/%2F%2F..%2Fetc/", 400, ""},
		{"/packages/a/b%5Cc", 400, ""},
		{"/packages/a/b%00", 400, ""},
		{"/packages/a/b%0D%0ASet-Cookie:x", 400, ""},
		{"/packages/a/b%7F", 400, ""},
		{"/packages/a/b%FF", 400, ""},
		{"/packages/a/b/c", 404, ""},
		{"/packages//b", 404, ""},
		{"/simple//", 404, ""},
		{"/simple/foo", 404, ""},
		{"//simple/foo/", 404, ""},
		{"/RPC2", 404, ""},
		{"http://elsewhere.example/simple/foo/", 200, "project=foo;"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			got := ask(s, "GET", tt.target)
			if text := body(t, got); got.StatusCode != tt.status || tt.body != "" && text != tt.body {
				t.Errorf("GET %s = %d %q, want %d %q", tt.target, got.StatusCode, text, tt.status, tt.body)
			}
			if len(got.Header["Set-Cookie"]) > 0 {
				t.Errorf("GET %s set a cookie", tt.target)
			}
		})
	}
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{
		"/simple/a/", "/simple/%2e%2e/", "/packages/a/%2F", "/packages/%c0%ae/x", "/r/a/simple/b/", "/simple/%u/",
	} {
		f.Add(p)
	}
	row := get("/packages/:project/:filename", route.Open)
	var values []string
	row.Handle = func(_ http.ResponseWriter, r *http.Request, _ access.Caller) error {
		values = append(values, r.PathValue("project"), r.PathValue("filename"))
		return nil
	}
	s := newServer(f, server.Options{}, row)
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest("GET", "http://h/"+strings.TrimPrefix(path, "/"), nil)
		if err != nil {
			return
		}
		values = nil
		s.ServeHTTP(httptest.NewRecorder(), r)
		for _, v := range values {
			if v == "" || v == "." || v == ".." || strings.ContainsAny(v, "/\\%\x00\r\n") {
				t.Errorf("path %q gave a handler the value %q", path, v)
			}
		}
	})
}

func TestMethods(t *testing.T) {
	post := route.Route{Method: "POST", Path: "/legacy/", Auth: route.Open, Limit: route.LimitMint, Handle: echoValues}
	s := newServer(t, server.Options{}, get("/simple/", route.Open), post)
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/simple/", 200, ""},
		{"HEAD", "/simple/", 200, ""},
		{"POST", "/simple/", 405, "OPTIONS, GET, HEAD"},
		{"DELETE", "/simple/", 405, "OPTIONS, GET, HEAD"},
		{"BREW", "/simple/", 405, "OPTIONS, GET, HEAD"},
		{"GET", "/legacy/", 405, "OPTIONS, POST"},
		{"HEAD", "/legacy/", 405, "OPTIONS, POST"},
		{"POST", "/pypi", 404, ""},
	}
	for _, tt := range tests {
		got := ask(s, tt.method, tt.path)
		if got.StatusCode != tt.status || got.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d, Allow %q, want %d, %q", tt.method, tt.path, got.StatusCode, got.Header.Get("Allow"),
				tt.status, tt.allow)
		}
		if kind := got.Header.Get("Content-Type"); got.StatusCode >= 400 && !strings.HasPrefix(kind, "text/plain") {
			t.Errorf("%s %s answers in %q, want plain text", tt.method, tt.path, kind)
		}
	}
}

func TestPlaces(t *testing.T) {
	root, tree := get("/_/audience", route.Open), get("/simple/", route.Open)
	root.HostRoot, tree.Tree = true, true
	s := newServer(t, server.Options{BasePath: "/team/pypi"}, root, tree)
	for target, want := range map[string]int{
		"/team/pypi/_/audience": 200, "/_/audience": 200, "/team/pypi/r/x/simple/": 200, "/team/pypi/simple/": 200,
		"/simple/": 404, "/r/x/simple/": 404, "/team/pypi/r/x/_/audience": 404, "/team/simple/": 404, "/": 404,
	} {
		if got := ask(s, "GET", target); got.StatusCode != want {
			t.Errorf("GET %s = %d, want %d", target, got.StatusCode, want)
		}
	}
	if text := body(t, ask(s, "GET", "/simple/")); !strings.Contains(text, "/team/pypi/") {
		t.Errorf("GET outside the base path = %q, want the base path in it", text)
	}
}

func TestTablesThatCannotBe(t *testing.T) {
	good := get("/a", route.Open)
	tests := []struct {
		name   string
		tables []route.Table
		want   string
	}{
		{
			"undeclared",
			[]route.Table{table(route.Route{Method: "GET", Path: "/a", Handle: echoValues})},
			"GET /a is incomplete",
		},
		{"no handler", []route.Table{table(route.Route{Method: "GET", Path: "/a", Auth: route.Open})}, "incomplete"},
		{"no fail", []route.Table{{Name: "x", Routes: []route.Route{good}}}, "no Fail"},
		{"twice", []route.Table{table(good, good)}, "both serve GET /a"},
		{"twice in two tables", []route.Table{table(good), table(good)}, "both serve GET /a"},
		{"twice but for the names", []route.Table{table(get("/a/:x", route.Open), get("/a/:y", route.Open))}, "both serve"},
		{
			"HEAD beside GET",
			[]route.Table{table(good, route.Route{Method: "HEAD", Path: "/a", Auth: route.Open, Handle: echoValues})},
			"both serve HEAD",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := server.New(server.Options{Keyring: keyring{}}, tt.tables...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error with %q", err, tt.want)
			}
		})
	}
	for _, o := range []server.Options{
		{},
		{Keyring: keyring{}, BasePath: "x"},
		{Keyring: keyring{}, BasePath: "/x/"},
		{Keyring: keyring{}, BasePath: "/:x"},
		{Keyring: keyring{}, Origin: "x"},
	} {
		if _, err := server.New(o); err == nil {
			t.Errorf("New(%+v) = nil, want an error", o)
		}
	}
}

func TestPanic(t *testing.T) {
	row := get("/a", route.Open)
	row.Handle = func(http.ResponseWriter, *http.Request, access.Caller) error {
		panic("boom " + access.TokenPrefix + "abcd")
	}
	var log strings.Builder
	s := newServer(t, server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, row)
	got := ask(s, "GET", "/a")
	id := got.Header.Get("X-Request-Id")
	if got.StatusCode != 500 || id == "" {
		t.Errorf("GET /a = %d, request id %q, want 500 and an id", got.StatusCode, id)
	}
	if line := log.String(); !strings.Contains(line, id) || !strings.Contains(line, "level=ERROR") ||
		strings.Contains(line, "abcd") {
		t.Errorf("log is %q, want an error with the id and without the token", line)
	}
}

func TestErrorAfterTheAnswerBegan(t *testing.T) {
	row := get("/a", route.Open)
	row.Handle = func(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "part")
		return errors.New("broken")
	}
	hs := httptest.NewServer(newServer(t, server.Options{}, row))
	defer hs.Close()
	r, err := http.Get(hs.URL + "/a")
	if err == nil {
		_, err = io.ReadAll(r.Body)
		r.Body.Close()
	}
	if err == nil {
		t.Error("a broken answer was read to its end, want an error")
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := newServer(t, server.Options{}, get("/a", route.Open))
	for _, target := range []string{"/a", "/none", "/%00"} {
		got := ask(s, "GET", target)
		for _, name := range []string{
			"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "X-Request-Id",
		} {
			if got.Header.Get(name) == "" {
				t.Errorf("GET %s has no %s", target, name)
			}
		}
	}
}

func TestStrictTransportSecurity(t *testing.T) {
	for age, want := range map[time.Duration]string{
		0: "", time.Hour: "max-age=3600", 365 * 24 * time.Hour: "max-age=31536000",
	} {
		s := newServer(t, server.Options{HSTS: age}, get("/a", route.Open))
		for _, target := range []string{"/a", "/none", "/%00"} {
			if got := ask(s, "GET", target).Header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("GET %s with HSTS %s: %q, want %q", target, age, got, want)
			}
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	post := route.Route{Method: "POST", Path: "/a", Auth: route.Open, Limit: route.LimitMint, Handle: echoValues}
	s := newServer(t, server.Options{Origin: "https://pypi.example"}, post, get("/a", route.Open))
	tests := []struct {
		name, method string
		header       []string
		want         int
	}{
		{"a client", "POST", nil, 200},
		{"our page", "POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"our base URL behind a proxy", "POST", []string{"Origin", "https://pypi.example"}, 200},
		{"another site", "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a sibling", "POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"an old browser elsewhere", "POST", []string{"Origin", "https://evil.example"}, 403},
		{"reading", "GET", []string{"Sec-Fetch-Site", "cross-site"}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(s, tt.method, "/a", tt.header...); got.StatusCode != tt.want {
				t.Errorf("%s: %s = %d, want %d", tt.name, tt.method, got.StatusCode, tt.want)
			}
		})
	}
}
