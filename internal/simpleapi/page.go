package simpleapi

import (
	"context"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/ready"
)

// vary is shared, so that a cached page is served without allocation.
var vary = []string{"Accept, Accept-Encoding, Authorization"}

// listForms is the first Form of a list in the cache. The Form of a project page is its format.
const listForms = uint8(formats)

// pageHeaders sets the headers of every page.
func (a *API) pageHeaders(w http.ResponseWriter, who access.Caller) {
	h := w.Header()
	h["Vary"] = vary
	if who.Known() {
		h["Cache-Control"] = a.private
	} else {
		h["Cache-Control"] = a.public
	}
}

func (a *API) project(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	f, err := choose(r)
	if err != nil {
		return err
	}
	name, err := projectName(r)
	if err != nil {
		return err
	}
	if name.String() != r.PathValue("project") {
		return a.redirectProject(w, r, who)
	}
	repo := r.PathValue("repository")
	p, err := a.index.Project(r.Context(), who, repo, name)
	if err != nil {
		return err
	}
	k, e := ready.Key{ID: p.ID, Form: uint8(f)}, ready.ChooseEncoding(r.Header["Accept-Encoding"])
	answer := a.cache.Find(k, e, p.Stamp())
	if answer == nil {
		answer, err = a.cache.Fill(r.Context(), k, e, p.Stamp(), a.renderProject(f, who, p))
	}
	if err != nil {
		return err
	}
	a.pageHeaders(w, who)
	answer.ServeHTTP(w, r)
	return nil
}

// renderProject returns the function that renders a page missing from the cache. It queries the catalog again, as the
// same caller.
func (a *API) renderProject(f format, who access.Caller,
	p catalog.Project,
) func(context.Context) (*ready.Answer, error) {
	return func(ctx context.Context) (*ready.Answer, error) {
		c, err := a.index.Contents(ctx, who, p.Repository.Name, p.Name)
		if err != nil {
			return nil, err
		}
		return f.projectPage(tree{a.prefix(p.Repository.Name), a.origin}, c), nil
	}
}

// list serves the page of a repository. A caller who may not see all projects gets a page rendered for this request.
func (a *API) list(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	f, err := choose(r)
	if err != nil {
		return err
	}
	repo, at, all, err := a.index.ListingState(r.Context(), who, r.PathValue("repository"))
	if err != nil {
		return err
	}
	k, e := ready.Key{ID: repo.ID, Form: listForms + uint8(f)}, ready.ChooseEncoding(r.Header["Accept-Encoding"])
	answer := a.cache.Find(k, e, at)
	switch {
	case !all:
		answer, err = a.ownList(r.Context(), who, repo.Name, f, e)
	case answer == nil:
		answer, err = a.cache.Fill(r.Context(), k, e, at, a.renderList(f, who, repo.Name))
	}
	if err != nil {
		return err
	}
	a.pageHeaders(w, who)
	answer.ServeHTTP(w, r)
	return nil
}

func (a *API) renderList(f format, who access.Caller, repo string) func(context.Context) (*ready.Answer, error) {
	return func(ctx context.Context) (*ready.Answer, error) {
		l, err := a.index.Listing(ctx, who, repo)
		if err != nil {
			return nil, err
		}
		return f.listPage(a.prefix(repo), l), nil
	}
}

func (a *API) ownList(ctx context.Context, who access.Caller, repo string, f format,
	e ready.Encoding,
) (*ready.Answer, error) {
	answer, err := a.renderList(f, who, repo)(ctx)
	if err != nil {
		return nil, err
	}
	return answer.Encoded(e), nil
}
