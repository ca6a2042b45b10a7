package projects

import (
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

type searchView struct {
	ui.Frame
	Found   browse.Found
	Ask     browse.Query
	Python  ui.Field
	Sort    ui.Field
	Pages   ui.Pages
	Clear   string // link without the filters, "" if none is set
	Instead string
}

func (s *Section) searchRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/search/", Auth: route.Page, Tree: true, Handle: s.search}}
}

const foundPerPage = 20

// search lists the matching projects that the caller may see.
func (s *Section) search(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	in := r.URL.Query()
	ask := browse.Query{
		Text: in.Get("q"), Python: in.Get("python"), Classifier: in.Get("c"), Attested: in.Has("attested"),
		Page: ui.PageNumber(r), PerPage: foundPerPage,
	}
	if order := browse.Sort(in.Get("sort")); order == browse.ByName || order == browse.ByNewest {
		ask.Sort = order
	}
	found, err := s.o.Browser.Search(r.Context(), who, ui.Repository(r), ask)
	if err != nil {
		return err
	}
	title := "Projects"
	if ask.Text != "" {
		title = "Search: " + ui.Cut(60, ask.Text)
	}
	v := searchView{
		Frame: s.Frame(r, who, title), Found: found, Ask: ask, Pages: ui.Paginate(r, ask.Page, found.Total, foundPerPage),
	}
	v.Query, v.Scripts = ask.Text, []string{"search.js"}
	f := ui.Typed(in)
	v.Python = f.Field(ui.Field{Name: "python", Label: "Runs on Python", Type: "select", Options: pythonOptions()})
	v.Sort = f.Field(ui.Field{
		Name: "sort", Label: "Order", Type: "select",
		Options: []ui.Option{
			{Label: "Best match"}, {Value: "newest", Label: "Newest release"}, {Value: "name", Label: "Name"},
		},
	})
	if ask.Python != "" || ask.Classifier != "" || ask.Attested || ask.Sort != "" {
		v.Clear = "?" + url.Values{"q": {ask.Text}}.Encode()
	}
	if found.Instead != "" {
		v.Instead = "?" + url.Values{"q": {found.Instead}}.Encode()
	}
	return s.Render(w, http.StatusOK, "search", &v)
}

func pythonOptions() []ui.Option {
	out := []ui.Option{{Label: "Any"}}
	for _, p := range slices.Backward(catalog.KnownPythons()) {
		out = append(out, ui.Option{Value: p, Label: p})
	}
	return out
}
