package web

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/audit"
)

type historyView struct {
	managing
	Entries []historyEntry
	What    Field
	Outcome Field
	Actor   Field
	Text    Field
	From    Field
	To      Field
	Clear   bool   // whether something is asked for
	Newest  string // link to the first page, "" on it
	Older   string
}

// history shows what happened to a project.
func (s *Site) history(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.projectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	p, err := s.o.Index.Project(r.Context(), who, repository(r), name)
	if err != nil {
		return err
	}
	f := typed(r.URL.Query())
	ask := historyAsked(f)
	if ask.After, err = audit.ParseCursor(f.get("after")); err != nil {
		return err
	}
	h, err := s.o.Index.History(r.Context(), who, repository(r), name, ask)
	if err != nil {
		return err
	}
	v := historyView{managing: s.managing(r, who, p, "history", "History")}
	v.Entries = entriesOf(h)
	v.fields(f)
	v.Newest, v.Older = historyLinks(r.URL.Query(), h)
	return s.render(w, f.status(), "manage-history", &v)
}

func (v *historyView) fields(f form) {
	what := []Option{{Label: "Everything"}}
	for _, k := range kindsOfHistory {
		if k.value != "exchanges" || v.Owns() {
			what = append(what, Option{Value: k.value, Label: k.label})
		}
	}
	v.What = f.field(Field{Name: "what", Label: "What", Type: "select", Options: what})
	v.Outcome = f.field(Field{Name: "outcome", Label: "Outcome", Type: "select", Options: []Option{{Label: "Any"}, {Value: "granted", Label: "Done"}, {Value: "refused", Label: "Refused"}}})
	v.Actor = f.field(Field{Name: "actor", Label: "Who", MaxLength: 300})
	v.Text = f.field(Field{Name: "text", Label: "Words", MaxLength: 200})
	v.From = f.field(Field{Name: "from", Label: "From", Type: "date"})
	v.To = f.field(Field{Name: "to", Label: "To", Type: "date"})
	for _, name := range []string{"what", "outcome", "actor", "text", "from", "to", "version"} {
		v.Clear = v.Clear || f.get(name) != ""
	}
}
