package web

import (
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/route"
)

type searchView struct {
	Frame
	Found   browse.Found
	Ask     browse.Query
	Python  Field
	Sort    Field
	Pages   Pages
	Clear   string // link without the filters, "" where none is set
	Instead string
}

func (s *Site) searchRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/search/", Auth: route.Page, Tree: true, Handle: s.search}}
}

const foundPerPage = 20

// search shows the projects that a reader may see and that have the words.
func (s *Site) search(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	in := r.URL.Query()
	ask := browse.Query{
		Text: in.Get("q"), Python: in.Get("python"), Classifier: in.Get("c"), Attested: in.Has("attested"), Page: page(r), PerPage: foundPerPage,
	}
	if order := browse.Sort(in.Get("sort")); order == browse.ByName || order == browse.ByNewest {
		ask.Sort = order
	}
	found, err := s.o.Index.Search(r.Context(), who, repository(r), ask)
	if err != nil {
		return err
	}
	title := "Projects"
	if ask.Text != "" {
		title = "Search: " + cut(60, ask.Text)
	}
	v := searchView{Frame: s.frame(r, who, title), Found: found, Ask: ask, Pages: pages(r, ask.Page, found.Total, foundPerPage)}
	v.Query, v.Scripts = ask.Text, []string{"search.js"}
	f := typed(in)
	v.Python = f.field(Field{Name: "python", Label: "Runs on Python", Type: "select", Options: pythonOptions()})
	v.Sort = f.field(Field{Name: "sort", Label: "Order", Type: "select", Options: []Option{{Label: "Best match"}, {Value: "newest", Label: "Newest release"}, {Value: "name", Label: "Name"}}})
	if ask.Python != "" || ask.Classifier != "" || ask.Attested || ask.Sort != "" {
		v.Clear = "?" + url.Values{"q": {ask.Text}}.Encode()
	}
	if found.Instead != "" {
		v.Instead = "?" + url.Values{"q": {found.Instead}}.Encode()
	}
	return s.render(w, http.StatusOK, "search", &v)
}

func pythonOptions() []Option {
	out := []Option{{Label: "Any"}}
	for _, p := range slices.Backward(catalog.KnownPythons()) {
		out = append(out, Option{Value: p, Label: p})
	}
	return out
}
