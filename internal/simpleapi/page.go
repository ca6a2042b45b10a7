package simpleapi

import (
	"context"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/ready"
)

// Header values that never change; shared, so that the warm path makes nothing.
var (
	vary           = []string{"Accept, Accept-Encoding, Authorization"}
	privateNoCache = []string{"private, no-cache"}
	publicNoCache  = []string{"public, no-cache"}
)

// listForms is the first form of a list in the cache; pages of projects are numbered by their format.
const listForms = uint8(formats)

// pageHeaders sets what every answer about a page has. Publishing and then installing must work at once, so whoever
// keeps a page asks again each time; what nobody in particular may read, a shared cache may keep.
func pageHeaders(w http.ResponseWriter, who access.Caller) {
	h := w.Header()
	h["Vary"] = vary
	if who.Known() {
		h["Cache-Control"] = privateNoCache
	} else {
		h["Cache-Control"] = publicNoCache
	}
}

// project is the page of one project.
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
	pageHeaders(w, who)
	answer.ServeHTTP(w, r)
	return nil
}

// renderProject is what a cold read does. It asks the catalog again, with the same caller.
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

// list is the page of a repository. Who does not see all of it gets a page of their own, made for this request.
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
	pageHeaders(w, who)
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
