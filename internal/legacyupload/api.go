package legacyupload

import (
	"cmp"
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/ingest"
	"pyindex/internal/route"
)

// Options are the limits of a request, except for its file, whose size package ingest limits. A zero field takes its
// default.
type Options struct {
	Now func() time.Time // time.Now

	Parts      int   // parts of a form; default 10,000
	FieldBytes int64 // bytes of one field; default 8 MiB
	FormBytes  int64 // bytes of all headers and fields together, which are in memory; default 16 MiB
}

func (o Options) bounds() bounds {
	return bounds{parts: cmp.Or(o.Parts, 10_000), field: cmp.Or(o.FieldBytes, 8<<20), form: cmp.Or(o.FormBytes, 16<<20)}
}

// API serves the upload protocol over the intake of an index.
type API struct {
	intake *ingest.Intake
	bounds bounds
	now    func() time.Time
}

// New returns the API over x.
func New(x *ingest.Intake, o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{intake: x, bounds: o.bounds(), now: o.Now}
}

// Table returns the routes. Both spellings of the path respond without a redirect, because twine and poetry do not
// follow one.
func (a *API) Table() route.Table {
	t := route.Table{Name: "legacyupload", Fail: fail}
	for _, path := range []string{"/legacy/", "/legacy"} {
		t.Routes = append(t.Routes,
			route.Route{
				Method: http.MethodPost, Path: path, Auth: route.Writer, Limit: route.LimitUpload, Handle: a.upload, Tree: true,
			},
			route.Route{Method: http.MethodGet, Path: path, Auth: route.Open, Handle: a.explain, Tree: true},
		)
	}
	route.NoFiles.Mark(t.Routes)
	return t
}

// explain responds to people and installers that use the wrong URL.
func (a *API) explain(http.ResponseWriter, *http.Request, access.Caller) error {
	return refuse(http.StatusMethodNotAllowed,
		"this address only takes uploads by POST. To publish, give it to twine or uv as the repository URL; to install, use the address that ends in /simple/")
}
