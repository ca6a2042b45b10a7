// Package held serves the pages about files of upstreams that policy holds or denies: why, until when, who asked for an
// exemption, and the decisions of people about them.
//
// Package resolve decides, and package holds checks the permissions of those who change something. A project that the
// caller may not read looks as if it did not exist.
package held

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
	"pyindex/internal/holds"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// Options configure the pages.
type Options struct {
	Index    *catalog.Index
	Reader   *resolve.Reader
	Instance string // id of this index, as it appears in Via headers
	Holds    *holds.Holds

	Advisories *advisory.Advisories
	Downloads  *downloads.Record
}

// Section serves the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o Options
}

// New returns a section.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o} }

// Routes returns the pages and forms of the area.
func (s *Section) Routes() []route.Route {
	rows := []route.Route{
		{Method: http.MethodGet, Path: "/held/:project/", Auth: route.Page, Handle: s.page},
		{Method: http.MethodGet, Path: "/held/:project/:version/", Auth: route.Page, Handle: s.page},
	}
	rows = append(rows, s.Forms(map[string]ui.FormHandler{
		"/held/:project/:version/ask/":    s.ask,
		"/held/:project/:version/exempt/": s.exempt,
		"/held/:project/:version/lift/":   s.lift,
	})...)
	for i := range rows {
		rows[i].Tree = true
	}
	rows = append(route.ByPolicy.Mark(rows), s.exemptionRoutes()...)
	rows = append(rows, s.nowRoutes()...)
	return route.AsKept.Mark(append(rows, s.adminRoutes()...))
}

// repository returns the name of the repository that a request addresses.
func repository(r *http.Request) string {
	if name := ui.Repository(r); name != "" {
		return name
	}
	return catalog.MainRepository
}

// visible returns the repositories that the caller may see, of those with the given names. Others have no entry.
func (s *Section) visible(r *http.Request, who access.Caller, names []string) map[string]catalog.Repository {
	out := map[string]catalog.Repository{}
	for _, name := range names {
		if _, known := out[name]; known || name == "" {
			continue
		}
		if repo, err := s.o.Index.Repository(r.Context(), who, name); err == nil {
			out[name] = repo
		}
	}
	return out
}
