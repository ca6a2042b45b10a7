package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

const (
	pipAccept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
	browser   = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	formType  = "multipart/form-data; boundary=x"
)

// Installers and upload tools at a wrong address get the right one, in the reason phrase as well.
func TestWrongAddressNamesTheRight(t *testing.T) {
	rows := []route.Route{
		get("/", route.Open),
		{Method: "GET", Path: "/simple/", Auth: route.Open, Handle: echoValues, Tree: true},
		{Method: "GET", Path: "/simple/:project/", Auth: route.Open, Handle: echoValues, Tree: true},
		get("/r/:repository/", route.Open),
	}
	const simple, legacy = "use https://h.example%s/simple/ as the index URL", "use https://h.example%s/legacy/ as the upload URL"
	for _, c := range []struct {
		name, base, method, path, header, value string
		status                                  int
		want, tree                              string // want "" if the answer names no address
	}{
		{"pip at the start page", "", "GET", "/", "Accept", pipAccept, 404, simple, ""},
		{"HEAD too", "", "HEAD", "/", "Accept", pipAccept, 404, simple, ""},
		{"pip without /simple/", "", "GET", "/six/", "Accept", pipAccept, 404, simple, ""},
		{"pip with the upload URL", "", "GET", "/legacy/six/", "Accept", pipAccept, 404, simple, ""},
		{"a client of JSON alone", "", "GET", "/six/", "Accept", "application/vnd.pypi.simple.v1+json", 404, simple, ""},
		{"below another repository", "", "GET", "/r/staging/six/", "Accept", pipAccept, 404, simple, "/r/staging"},
		{"at another repository", "", "GET", "/r/staging/", "Accept", pipAccept, 404, simple, "/r/staging"},
		{"odd repository", "", "GET", "/r/a\"b/six/", "Accept", pipAccept, 404, simple, ""},
		{"below a path", "/team", "GET", "/team/six/", "Accept", pipAccept, 404, simple, "/team"},
		{"above a path", "/team", "GET", "/six/", "Accept", pipAccept, 404, simple, "/team"},
		{"the path itself", "/team", "GET", "/team/", "Accept", pipAccept, 404, simple, "/team"},
		{"a browser", "", "GET", "/", "Accept", browser, 200, "", ""},
		{"no Accept", "", "GET", "/", "Accept", "", 200, "", ""},
		{"the API itself", "", "GET", "/simple/six/", "Accept", pipAccept, 200, "", ""},
		{"refused weight", "", "GET", "/six/", "Accept", "application/vnd.pypi.simple.v1+json;q=0", 404, "", ""},
		{"twine at the start page", "", "POST", "/", "Content-Type", formType, 405, legacy, ""},
		{"twine with the index URL", "", "POST", "/simple/", "Content-Type", formType, 405, legacy, ""},
		{"twine elsewhere", "", "POST", "/nothing/", "Content-Type", formType, 404, legacy, ""},
		{
			"twine in another repository", "", "POST", "/r/staging/simple/", "Content-Type", formType, 405, legacy, "/r/staging",
		},
		{"a form of a page", "", "POST", "/simple/", "Content-Type", "application/x-www-form-urlencoded", 405, "", ""},
		{"POST of an installer", "", "POST", "/six/", "Accept", pipAccept, 404, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			hs := httptest.NewServer(newServer(t, server.Options{BasePath: c.base, Origin: "https://h.example"}, rows...))
			defer hs.Close()
			q, _ := http.NewRequest(c.method, hs.URL+c.path, strings.NewReader(""))
			q.Header.Set(c.header, c.value)
			a, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			if a.StatusCode != c.status {
				t.Errorf("status %s, want %d", a.Status, c.status)
			}
			want := strings.Replace(c.want, "%s", c.tree, 1)
			if got := strings.Contains(a.Status, "h.example"); got != (want != "") || !strings.Contains(a.Status, want) {
				t.Errorf("reason %q, want one with %q", a.Status, want)
			}
		})
	}
}

// A compressed request is refused with 415 before any protocol reads it.
func TestCompressedRequests(t *testing.T) {
	ran := 0
	handle := func(w http.ResponseWriter, _ *http.Request, _ access.Caller) error { ran++; return nil }
	row := route.Route{Method: "POST", Path: "/legacy/", Auth: route.Open, Limit: route.LimitMint, Handle: handle}
	hs := httptest.NewServer(newServer(t, server.Options{}, row, get("/", route.Open)))
	defer hs.Close()
	for _, c := range []struct {
		method, path string
		encodings    []string
		body         string
		want         int
	}{
		{"POST", "/legacy/", []string{"gzip"}, "abc", 415},
		{"POST", "/legacy/", []string{"GZIP"}, "abc", 415},
		{"POST", "/legacy/", []string{"identity, br"}, "abc", 415},
		{"POST", "/legacy/", []string{"identity", "zstd"}, "abc", 415},
		{"POST", "/legacy/", []string{"\"x\r"}, "abc", 0}, // net/http does not send it
		{"POST", "/nothing/", []string{"gzip"}, "abc", 415},
		{"POST", "/legacy/", []string{"identity"}, "abc", 200},
		{"POST", "/legacy/", []string{""}, "abc", 200},
		{"POST", "/legacy/", nil, "abc", 200},
		{"POST", "/legacy/", []string{"gzip"}, "", 200}, // nothing is compressed
		{"GET", "/", []string{"gzip"}, "", 200},
	} {
		ran = 0
		q, _ := http.NewRequest(c.method, hs.URL+c.path, strings.NewReader(c.body))
		q.Header["Content-Encoding"] = c.encodings
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			if c.want != 0 {
				t.Errorf("%s %s with %q: %v", c.method, c.path, c.encodings, err)
			}
			continue
		}
		a.Body.Close()
		refused := a.StatusCode == 415
		if a.StatusCode != c.want || refused && (ran != 0 || a.Header.Get("Accept-Encoding") != "identity" ||
			!strings.Contains(a.Status, "without Content-Encoding")) {
			t.Errorf("%s %s with %q: %s, Accept-Encoding %q, ran %d; want %d", c.method, c.path, c.encodings, a.Status,
				a.Header.Get("Accept-Encoding"), ran, c.want)
		}
	}
}
