package web

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/route"
)

type homeView struct {
	Frame
	Pip string
}

func (s *Site) homeRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/", Auth: route.Page, Tree: true, Handle: s.home}}
}

func (s *Site) home(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if _, _, _, err := s.o.Index.ListingState(r.Context(), who, repository(r)); err != nil {
		return err
	}
	v := homeView{Frame: s.frame(r, who, s.o.Name)}
	v.Pip = "pip install --index-url " + s.absolute("/simple/") + " NAME"
	return s.render(w, http.StatusOK, "home", &v)
}
