package simpleapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

const (
	jsonType = "application/vnd.pypi.simple.v1+json"
	htmlType = "application/vnd.pypi.simple.v1+html"
)

// call is one request: "GET /path", then headers as pairs.
func call(h http.Handler, request string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// basic returns the Authorization value for a token.
func basic(s access.Secret) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("__token__", s.Reveal())
	return r.Header.Get("Authorization")
}

// demo is a site with a project that has a wheel with metadata, an sdist, and a local version.
type demo struct {
	*indextest.Site
	project          catalog.Project
	wheel, sdist, cu catalog.File
	open, closed     http.Handler
}

const (
	wheelBytes    = "PK wheel bytes, shorter than any suffix range"
	metadataBytes = "Metadata-Version: 2.1\nName: de-mo\nVersion: 1.0\n"
)

func newDemo(t testing.TB) *demo {
	d := &demo{Site: indextest.New(t)}
	d.project = d.Project("De_Mo")
	files := d.Add(d.project,
		indextest.File{File: catalog.File{
			Filename: "de_mo-1.0-py3-none-any.whl", Version: "1.0", RequiresPython: ">=3.8,<4",
		}, Content: wheelBytes, Metadata: metadataBytes},
		indextest.File{
			File: catalog.File{Filename: "de_mo-1.0.tar.gz", Version: "1.0"}, Content: strings.Repeat("0123456789", 2000),
		},
		indextest.File{
			File: catalog.File{Filename: "de_mo-2.0+cu121-py3-none-any.whl", Version: "2.0+cu121"}, Content: "local",
		},
	)
	d.wheel, d.sdist, d.cu = files[0], files[1], files[2]
	api := simpleapi.New(resolve.New(d.Index, resolve.Options{}), simpleapi.Options{})
	d.open, d.closed = d.Serve("", true, api.Table()), d.Serve("", false, api.Table())
	return d
}

func path(f catalog.File) string { return "/packages/" + f.SHA256 + "/" + f.Filename }
