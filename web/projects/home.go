package projects

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

type homeView struct {
	ui.Frame
	Newest    []catalog.Card
	Tools     []Tool
	Tool      Tool
	Empty     bool // the reader can see no release
	Uploads   bool
	Closed    bool
	Authority bool
	Upload    string
	Origin    string
	Asked     int // open requests for exemptions that the reader can decide
}

func (s *Section) homeRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/", Auth: route.Page, Tree: true, Handle: s.home}}
}

// newestShown is the number of releases on the home page.
const newestShown = 12

// home shows the latest releases and setup instructions, or the first steps if there are no releases.
func (s *Section) home(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	found, err := s.o.Browser.Search(r.Context(), who, ui.Repository(r),
		browse.Query{Sort: browse.ByNewest, PerPage: newestShown})
	if err != nil {
		return err
	}
	if err := s.o.Reader.Withhold(r.Context(), who, ui.Repository(r), found.Cards); err != nil {
		return err
	}
	v := homeView{
		Frame: s.Frame(r, who, s.Name), Newest: found.Cards, Empty: len(found.Cards) == 0, Closed: s.Closed,
		Authority: len(s.o.Authority) > 0,
	}
	if v.Repository != "" {
		v.Title = v.Repository
	}
	v.Tools = s.tools(v.Root)
	v.Tool = v.Tools[0]
	for _, t := range v.Tools {
		if t.ID == r.URL.Query().Get("tool") {
			v.Tool = t
		}
	}
	v.Upload, v.Origin = s.Absolute(v.Root[len(v.Base):]+"/legacy/"), s.Absolute("")
	if v.Asked, err = s.asked(r, who); err != nil {
		return err
	}
	return s.Render(w, http.StatusOK, "home", &v)
}

// asked returns the number of open requests for exemptions that the reader can decide.
func (s *Section) asked(r *http.Request, who access.Caller) (n int, err error) {
	if s.o.Holds == nil || who.Kind() != access.KindUser {
		return 0, nil
	}
	return s.o.Holds.Waiting(r.Context(), who)
}
