package manage

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/web/auditlog"
	"pyindex/web/ui"
)

type historyView struct {
	managing
	Entries                              []auditlog.Entry
	What, Outcome, Actor, Text, From, To ui.Field
	Clear                                bool   // a filter is set
	Newest                               string // link to the first page, "" on the first page
	Older                                string
}

func (s *Section) history(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	p, err := s.o.Index.Project(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	f := ui.Typed(r.URL.Query())
	ask := auditlog.ReadFilter(f)
	if ask.After, err = audit.ParseCursor(f.Get("after")); err != nil {
		return err
	}
	h, err := s.o.Browser.History(r.Context(), who, ui.Repository(r), name, ask)
	if err != nil {
		return err
	}
	v := historyView{managing: s.managing(r, who, p, "history", "History")}
	v.Entries = auditlog.EntriesOf(h)
	v.fields(f)
	v.Newest, v.Older = auditlog.Links(r.URL.Query(), h)
	return s.Render(w, f.Status(), "manage-history", &v)
}

func (v *historyView) fields(f ui.Form) {
	what := []ui.Option{{Label: "Everything"}}
	for _, k := range auditlog.Kinds {
		if k.Value != "exchanges" || v.Owns() {
			what = append(what, ui.Option{Value: k.Value, Label: k.Label})
		}
	}
	v.What = f.Field(ui.Field{Name: "what", Label: "Event", Type: "select", Options: what})
	v.Outcome, v.Actor, v.Text, v.From, v.To = auditlog.FilterFields(f)
	for _, name := range []string{"what", "outcome", "actor", "text", "from", "to", "version"} {
		v.Clear = v.Clear || f.Get(name) != ""
	}
}
