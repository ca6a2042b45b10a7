package simpleapi

import (
	"net/http"

	"pyindex/internal/access"
)

// redirectList sends /simple to /simple/, which mirrors ask without the slash.
func (a *API) redirectList(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	a.redirect(w, r, "/simple/")
	return nil
}

// redirectProject sends any spelling of a project's page to the one with the normal name and the slash, in one step.
// Whether there is such a project the next request tells.
func (a *API) redirectProject(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	name, err := projectName(r)
	if err != nil {
		return err
	}
	a.redirect(w, r, "/simple/"+name.String()+"/")
	return nil
}

// redirect sends to a path in the same tree. The Location begins with a path of ours, so it leads to no other host. It
// is a 301: Python's urllib follows 308 only since 3.11.
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
