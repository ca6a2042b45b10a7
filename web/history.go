package web

import (
	"net/http"
	"net/url"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
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

type historyEntry struct {
	audit.Entry
	Sentence string
	Details  string
	Mark     string // kind of badge: "bad" for what was refused
}

const entriesPerPage = 20

// kindsOfHistory are what one can ask for; each is some actions.
var kindsOfHistory = []struct {
	value, label string
	actions      []string
}{
	{"uploads", "Uploads", []string{"file.add", "project.create", "token.used-beside-publishers"}},
	{"yanks", "Yanks and deletions", []string{"release.yank", "release.unyank", "release.delete", "file.yank", "file.unyank", "file.delete"}},
	{"people", "People and roles", []string{"grant.add", "grant.remove", "grant.leave"}},
	{"publishing", "Publishers", []string{"publisher.add", "publisher.remove", "publisher.pin", "reader.add", "reader.remove", "reader.pin", "project.trusted-only"}},
	{"exchanges", "Exchanges of tokens", []string{"publisher.exchange"}},
	{"settings", "Settings", []string{"project.status", "project.limits", "project.trusted-only"}},
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
	for _, e := range h.Entries {
		x := historyEntry{Entry: e, Sentence: sentence(e), Details: detailLines(e)}
		if e.Outcome == audit.Refused {
			x.Mark = "bad"
		}
		v.Entries = append(v.Entries, x)
	}
	v.fields(f)
	v.Newest, v.Older = historyLinks(r.URL.Query(), h)
	return s.render(w, f.status(), "manage-history", &v)
}

// historyAsked reads the filters; a day that cannot be read is noted beside its field and not asked for.
func historyAsked(f form) browse.HistoryFilter {
	ask := browse.HistoryFilter{
		Actor: f.get("actor"), Version: f.get("version"), Text: f.get("text"), Since: f.day("from"), Until: f.day("to"), Limit: entriesPerPage,
	}
	if !ask.Until.IsZero() {
		ask.Until = ask.Until.AddDate(0, 0, 1) // the day itself is meant too
	}
	for _, k := range kindsOfHistory {
		if k.value == f.get("what") {
			ask.Actions = k.actions
		}
	}
	if o := audit.Outcome(f.get("outcome")); o == audit.Granted || o == audit.Refused {
		ask.Outcome = o
	}
	return ask
}

// day reads a date as browsers send it, in UTC; the zero time where there is none.
func (f form) day(name string) time.Time {
	text := f.get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		f.wrong(name, "Write a day as 2026-11-30.")
		return time.Time{}
	}
	return t
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

// historyLinks are the links to the first page and to the next one; other parts of the query stay.
func historyLinks(q url.Values, h browse.History) (newest, older string) {
	if q.Get("after") != "" {
		first := url.Values{}
		for k, v := range q {
			if k != "after" {
				first[k] = v
			}
		}
		newest = "?" + first.Encode()
	}
	if !h.Next.IsZero() {
		q.Set("after", h.Next.String())
		older = "?" + q.Encode()
	}
	return newest, older
}
