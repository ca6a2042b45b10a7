package simpleapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
)

func TestRedirects(t *testing.T) {
	d := newDemo(t)
	api := simpleapi.New(resolve.New(d.Index, resolve.Options{}), simpleapi.Options{BasePath: "/pre"})
	prefixed := d.Serve("/pre", true, api.Table())
	for _, tt := range []struct {
		h            http.Handler
		target, want string
	}{
		{d.open, "/simple", "/simple/"},
		{d.open, "/simple?format=x&y=%2B", "/simple/?format=x&y=%2B"},
		{d.open, "/simple/de-mo", "/simple/de-mo/"},
		{d.open, "/simple/de-mo?x=1", "/simple/de-mo/?x=1"},
		{d.open, "/simple/De_Mo/", "/simple/de-mo/"},
		{d.open, "/simple/De.-_Mo", "/simple/de-mo/"},
		{d.open, "/simple/De_Mo/?x=//evil.example", "/simple/de-mo/?x=//evil.example"},
		{d.open, "/r/other/simple", "/r/other/simple/"},
		{d.open, "/r/other/simple/De_Mo/", "/r/other/simple/de-mo/"},
		{d.open, "/r/main/simple/De_Mo/", "/simple/de-mo/"},
		{d.open, "/r/o%3Ft%23h%20er/simple/A", "/r/o%3Ft%23h%20er/simple/a/"},
		{prefixed, "/pre/simple", "/pre/simple/"},
		{prefixed, "/pre/simple/De_Mo", "/pre/simple/de-mo/"},
		{prefixed, "/pre/r/other/simple/De_Mo/?q", "/pre/r/other/simple/de-mo/?q"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := call(tt.h, method+" "+tt.target)
			if got := w.Header().Get("Location"); w.Code != http.StatusMovedPermanently || got != tt.want {
				t.Errorf("%s %s = %d to %q, want 301 to %s", method, tt.target, w.Code, got, tt.want)
			}
		}
	}
}

func TestNoOpenRedirect(t *testing.T) {
	d := newDemo(t)
	for _, target := range []string{
		"//evil.example/simple", "/simple//evil.example", "/simple/%2F%2Fevil.example", `/simple/%5Cevil.example`,
		"/simple/https:%2F%2Fevil.example",
		"/r/%2Fevil.example/simple", "/r/..%2F..%2F/simple", "/r/%5C%5Cevil/simple", "/simple/..",
		"/simple/%0d%0aLocation:x", "/r//simple", "/r/a%0ab/simple",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = mustParse(t, "http://index.example"+target), target
		w := httptest.NewRecorder()
		d.open.ServeHTTP(w, r)
		if to := w.Header().Get("Location"); to != "" &&
			(strings.HasPrefix(to, "//") || !strings.HasPrefix(to, "/") || strings.ContainsAny(to, "\\\r\n")) {
			t.Errorf("GET %s redirects to %q", target, to)
		}
	}
}
