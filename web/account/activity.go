package account

import (
	"cmp"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/route"
	"pyindex/web/auditlog"
	"pyindex/web/ui"
)

func (s *Section) activityRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/manage/account/activity/", Auth: route.Signed, Handle: s.activity},
		{Method: http.MethodGet, Path: "/manage/account/activity/export", Auth: route.Signed, Handle: s.exportActivity},
	}
}

type activityView struct {
	ui.Frame
	Entries                              []auditlog.Entry
	Show                                 ui.Field
	What, Outcome, Actor, Text, From, To ui.Field
	View                                 browse.ActivityView
	Clear                                bool // a filter is set
	JSON, CSV                            string
	Newest, Older                        string // links to the first and the next page, "" if there is none
}

// activityViews are the choices of the page, the default first.
var activityViews = []ui.Option{
	{Value: string(browse.OwnActivity), Label: "What I did"},
	{Value: string(browse.ProjectActivity), Label: "What others did in my projects"},
	{Value: string(browse.RefusedTokens), Label: "Refusals of my tokens"},
}

// askedActivity reads the filters of the page.
func askedActivity(f ui.Form) (browse.ActivityView, browse.HistoryFilter) {
	return browse.ActivityView(cmp.Or(f.Get("show"), string(browse.OwnActivity))), auditlog.ReadFilter(f)
}

// activity shows the part of the audit log that is about the caller.
func (s *Section) activity(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f := ui.Typed(r.URL.Query())
	view, ask := askedActivity(f)
	var err error
	if ask.After, err = audit.ParseCursor(f.Get("after")); err != nil {
		return err
	}
	h, err := s.o.Browser.Activity(r.Context(), who, view, ask)
	if err != nil {
		return err
	}
	v := activityView{Frame: s.accountFrame(r, who, "activity", "Activity"), View: view}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	if v.Entries, err = s.activityEntries(r, who, view, h); err != nil {
		return err
	}
	v.fields(f)
	q := r.URL.Query()
	v.JSON, v.CSV = exportLink(q, ""), exportLink(q, "csv")
	v.Newest, v.Older = auditlog.Links(q, h)
	return s.Render(w, f.Status(), "activity", &v)
}

func (v *activityView) fields(f ui.Form) {
	v.Show = f.Field(ui.Field{
		Name: "show", Label: "Show", Type: "select", Value: string(v.View), Options: append([]ui.Option{}, activityViews...),
	})
	what := []ui.Option{{Label: "Everything"}}
	for _, k := range auditlog.Kinds {
		if k.Value != "exchanges" { // each project's history has those
			what = append(what, ui.Option{Value: k.Value, Label: k.Label})
		}
	}
	v.What = f.Field(ui.Field{Name: "what", Label: "Event", Type: "select", Options: what})
	v.Outcome, v.Actor, v.Text, v.From, v.To = auditlog.FilterFields(f)
	for _, name := range []string{"what", "outcome", "actor", "text", "from", "to"} {
		v.Clear = v.Clear || f.Get(name) != ""
	}
}

// activityEntries returns the entries in words. Refusals of tokens name the token.
func (s *Section) activityEntries(r *http.Request, who access.Caller, view browse.ActivityView, h browse.History,
) ([]auditlog.Entry, error) {
	out := auditlog.EntriesOf(h)
	if view != browse.RefusedTokens {
		return out, nil
	}
	own, err := s.o.Directory.OwnTokens(r.Context(), who)
	names := map[string]string{}
	for _, t := range own {
		names[t.ID] = "Your token " + cmp.Or(t.Description, "without a description")
	}
	for i, e := range out {
		out[i].Sentence = cmp.Or(names[e.Actor.TokenID], "A token that you revoked") + " was refused. " + e.Sentence
	}
	return out, err
}

// exportLink returns the link to a file with all entries of the page's filter.
func exportLink(q url.Values, as string) string {
	out := url.Values{}
	for name, v := range q {
		if name != "after" {
			out[name] = v
		}
	}
	if as != "" {
		out.Set("as", as)
	}
	return "export?" + out.Encode()
}

func (s *Section) exportActivity(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f := ui.Typed(r.URL.Query())
	view, ask := askedActivity(f)
	ask.Limit = audit.MaxEntries
	s.PageHeaders(w)
	return auditlog.Export(w, "activity", f.Get("as"), func(each func(browse.History) error) error {
		return s.o.Browser.WalkActivity(r.Context(), who, view, ask, each)
	})
}
