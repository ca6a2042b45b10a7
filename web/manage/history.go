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
	Entries []auditlog.Entry
	What    ui.Field
	Outcome ui.Field
	Actor   ui.Field
	Text    ui.Field
	From    ui.Field
	To      ui.Field
	Clear   bool   // a filter is set
	Newest  string // link to the first page, "" on the first page
	Older   string
}

// history shows the audit log of a project.
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
	h, err := s.o.Index.History(r.Context(), who, ui.Repository(r), name, ask)
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
	v.Outcome = f.Field(ui.Field{
		Name: "outcome", Label: "Outcome", Type: "select",
		Options: []ui.Option{{Label: "Any"}, {Value: "granted", Label: "Done"}, {Value: "refused", Label: "Refused"}},
	})
	v.Actor = f.Field(ui.Field{Name: "actor", Label: "Actor", MaxLength: 300})
	v.Text = f.Field(ui.Field{Name: "text", Label: "Text", MaxLength: 200})
	v.From = f.Field(ui.Field{Name: "from", Label: "From", Type: "date"})
	v.To = f.Field(ui.Field{Name: "to", Label: "To", Type: "date"})
	for _, name := range []string{"what", "outcome", "actor", "text", "from", "to", "version"} {
		v.Clear = v.Clear || f.Get(name) != ""
	}
}
