package simpleapi

import (
	"net/http"

	"pyindex/internal/access"
)

// redirectList redirects /simple to /simple/. Mirrors request it without the slash.
func (a *API) redirectList(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	a.redirect(w, r, "/simple/")
	return nil
}

// redirectProject redirects any spelling of a project's page to the normalized name with the slash, in one step. It
// does not check whether the project exists.
func (a *API) redirectProject(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	name, err := projectName(r)
	if err != nil {
		return err
	}
	a.redirect(w, r, "/simple/"+name.String()+"/")
	return nil
}

// redirect redirects to a path in the same tree. The Location begins with one of our paths, so it cannot lead to
// another host. The status is 301, because Python's urllib follows 308 only since 3.11.
func (a *API) redirect(w http.ResponseWriter, r *http.Request, path string) {
	to := a.prefix(r.PathValue("repository")) + path
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Location", to)
	writeText(w, r, http.StatusMovedPermanently, "see "+to)
}
