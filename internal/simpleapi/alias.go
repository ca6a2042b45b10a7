package simpleapi

import (
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/alias"
	"pyindex/internal/route"
)

// AliasTable returns the routes of the aliases. They serve the same pages as those of the repository, with the same
// links and credentials, and never redirect: the path is that of another index, which installers still have.
func (a *API) AliasTable() route.Table {
	t := route.Table{Name: "aliases", Fail: fail, Guest: true}
	for _, one := range a.aliases {
		path := strings.TrimSuffix(one.Path, "/")
		for _, row := range []struct {
			path   string
			handle route.Handler
		}{
			{path, a.list}, {path + "/", a.list}, {path + "/:project", a.project}, {path + "/:project/", a.project},
		} {
			t.Routes = append(t.Routes, route.Route{
				Method: http.MethodGet, Path: row.path, Auth: route.Reader, Decides: route.ByPolicy, HostRoot: true,
				Handle: a.at(one, row.handle),
			})
		}
	}
	return t
}

// at returns a handler that serves a page of the repository of an alias, in any spelling of the project's name.
func (a *API) at(one alias.Alias, handle route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if a.used != nil {
			a.used(one.Path, r.UserAgent())
		}
		r.SetPathValue("repository", one.Repository)
		if r.PathValue("project") != "" {
			name, err := projectName(r)
			if err != nil {
				w.Header()["Vary"] = vary
				return err
			}
			r.SetPathValue("project", name.String())
		}
		return handle(w, r, who)
	}
}
