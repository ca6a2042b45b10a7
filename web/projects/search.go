package projects

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
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
	Facets  []facetView
	Chosen  []choice
	Clear   string // link without the filters, "" if none is set
	Instead string

	Named     string // the whole name that was searched, if Elsewhere says something about it
	Elsewhere resolve.Elsewhere
}

// facetView is a facet of the results with links that narrow them down.
type facetView struct {
	Title  string
	Values []facetLink
}

type facetLink struct {
	browse.Facet
	Link string // "" for the chosen value
}

// choice is a chosen value of a facet, which the form keeps, with a link that removes it.
type choice struct{ Name, Title, Value, Label, Without string }

func (s *Section) searchRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/search/", Auth: route.Page, Tree: true, Handle: s.search}}
}

const foundPerPage = 20

// search lists the matching projects that the caller may see.
func (s *Section) search(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	in := r.URL.Query()
	ask := browse.Query{
		Text: in.Get("q"), Python: in.Get("python"), Classifier: in.Get("c"), Attested: in.Has("attested"),
		License: in.Get("license"), Owner: in.Get("owner"),
		Page: ui.PageNumber(r), PerPage: foundPerPage,
	}
	if order := browse.Sort(in.Get("sort")); order == browse.ByName || order == browse.ByNewest {
		ask.Sort = order
	}
	found, err := s.o.Browser.Search(r.Context(), who, ui.Repository(r), ask)
	if err != nil {
		return err
	}
	if err := s.o.Reader.Withhold(r.Context(), who, ui.Repository(r), found.Cards); err != nil {
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
	v.Python = f.Field(ui.Field{
		Name: "python", Label: "Runs on Python", Type: "select", Options: pythonOptions(found.Facets),
	})
	v.Sort = f.Field(ui.Field{
		Name: "sort", Label: "Order", Type: "select",
		Options: []ui.Option{
			{Label: "Best match"}, {Value: "newest", Label: "Newest release"}, {Value: "name", Label: "Name"},
		},
	})
	v.narrow(in, found.Facets)
	if len(v.Chosen) > 0 || ask.Python != "" || ask.Attested || ask.Sort != "" {
		v.Clear = "?" + url.Values{"q": {ask.Text}}.Encode()
	}
	if found.Instead != "" {
		v.Instead = "?" + url.Values{"q": {found.Instead}}.Encode()
	}
	if v.Clear == "" && ask.Page == 1 {
		if err := s.elsewhere(r, who, &v); err != nil {
			return err
		}
	}
	return s.Render(w, http.StatusOK, "search", &v)
}

// elsewhere adds a project whose whole name was searched and that comes from a base or an upstream. Nothing is asked of
// an upstream.
func (s *Section) elsewhere(r *http.Request, who access.Caller, v *searchView) error {
	name, err := packaging.ParseProjectName(v.Ask.Text)
	if err != nil {
		return nil //nolint:nilerr // it is no name
	}
	v.Elsewhere, err = s.o.Reader.Elsewhere(r.Context(), who, ui.Repository(r), name)
	if v.Elsewhere != (resolve.Elsewhere{}) {
		v.Named = name.String()
	}
	return err
}

// narrow sets the facets and the chosen values. A facet with one value that is not chosen is shown too: it tells the
// license or the owner of all results.
func (v *searchView) narrow(in url.Values, f browse.Facets) {
	for _, facet := range []struct {
		name, title string
		values      []browse.Facet
	}{
		{"owner", "Owner", f.Owners}, {"license", "License", f.Licenses}, {"c", "Classifier", f.Classifiers},
	} {
		chosen := in.Get(facet.name)
		if facet.name == "license" {
			chosen = catalog.LicenseKey(chosen)
		}
		label := chosen
		var links []facetLink
		for _, x := range facet.values {
			link := facetLink{Facet: x}
			if x.Value == chosen {
				label = x.Label
			} else {
				link.Link = with(in, facet.name, x.Value)
			}
			links = append(links, link)
		}
		if chosen != "" {
			v.Chosen = append(v.Chosen, choice{facet.name, facet.title, chosen, label, with(in, facet.name, "")})
		}
		if len(links) > 0 {
			v.Facets = append(v.Facets, facetView{facet.title, links})
		}
	}
}

// with returns a link to the first page of the same search with another value of a parameter, or without it.
func with(in url.Values, name, value string) string {
	out := url.Values{}
	for _, kept := range []string{"q", "python", "sort", "attested", "owner", "license", "c"} {
		if in.Has(kept) && (in.Get(kept) != "" || kept == "attested") {
			out.Set(kept, in.Get(kept))
		}
	}
	if out.Set(name, value); value == "" {
		out.Del(name)
	}
	return "?" + out.Encode()
}

// pythonOptions offers the Python versions that some of the found projects run on, the newest first.
func pythonOptions(f browse.Facets) []ui.Option {
	out := []ui.Option{{Label: "Any"}}
	for _, p := range slices.Backward(f.Pythons) {
		out = append(out, ui.Option{Value: p.Value, Label: fmt.Sprintf("%s (%s)", p.Label, ui.Count(p.Count))})
	}
	return out
}
