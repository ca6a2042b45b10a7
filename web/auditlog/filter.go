package auditlog

import (
	"net/url"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/web/ui"
)

// Entry is an entry of the audit log as a page shows it.
// Entry is an audit log entry in words.
type Entry struct {
	audit.Entry
	Sentence string
	Details  string
	Mark     string // kind of badge: "bad" for refused actions
}

// EntriesOf returns a page of the audit log in words.
func EntriesOf(h browse.History) (out []Entry) {
	for _, e := range h.Entries {
		x := Entry{Entry: e, Sentence: sentence(e), Details: detailLines(e)}
		if e.Outcome == audit.Refused {
			x.Mark = "bad"
		}
		out = append(out, x)
	}
	return out
}

const entriesPerPage = 20

// Kinds are the choices of the event filter. Each stands for several actions.
var Kinds = []struct {
	Value, Label string
	actions      []string
}{
	{"uploads", "Uploads", []string{"file.add", "project.create", "token.used-beside-publishers"}},
	{
		"yanks", "Yanks and deletions",
		[]string{"release.yank", "release.unyank", "release.delete", "file.yank", "file.unyank", "file.delete"},
	},
	{"people", "People and roles", []string{"grant.add", "grant.remove", "grant.leave"}},
	{
		"services", "Service accounts and tokens",
		[]string{"service.add", "service.remove", "token.create", "token.regenerate", "token.revoke"},
	},
	{
		"publishing", "Publishers",
		[]string{
			"publisher.add", "publisher.remove", "publisher.pin", "reader.add", "reader.remove", "reader.pin",
			"project.trusted-only",
		},
	},
	{
		"holds", "Exemptions and denials",
		[]string{
			"exemption.ask", "exemption.add", "exemption.refuse", "exemption.end", "denial.add", "denial.remove", "denial.lift",
			"digest.pin", "digest.unpin", "upstream.accept-return",
		},
	},
	{"exchanges", "Token requests", []string{"publisher.exchange"}},
	{
		"settings", "Settings",
		[]string{"project.status", "project.limits", "project.trusted-only", "project.startup-files"},
	},
}

// FilterFields returns the form fields that all audit log pages share.
func FilterFields(f ui.Form) (outcome, actor, text, from, to ui.Field) {
	outcome = f.Field(ui.Field{
		Name: "outcome", Label: "Outcome", Type: "select",
		Options: []ui.Option{{Label: "Any"}, {Value: "granted", Label: "Done"}, {Value: "refused", Label: "Refused"}},
	})
	actor = f.Field(ui.Field{Name: "actor", Label: "Actor", MaxLength: 300})
	text = f.Field(ui.Field{Name: "text", Label: "Text", MaxLength: 200})
	from = f.Field(ui.Field{Name: "from", Label: "From", Type: "date"})
	to = f.Field(ui.Field{Name: "to", Label: "To", Type: "date"})
	return outcome, actor, text, from, to
}

// ReadFilter reads the filters of a form. It records an error for an invalid date and ignores that filter.
func ReadFilter(f ui.Form) browse.HistoryFilter {
	ask := browse.HistoryFilter{
		Actor: f.Get("actor"), Version: f.Get("version"), Text: f.Get("text"), Since: dayOf(f, "from"),
		Until: dayOf(f, "to"), Limit: entriesPerPage,
	}
	if !ask.Until.IsZero() {
		ask.Until = ask.Until.AddDate(0, 0, 1) // include the last day
	}
	for _, k := range Kinds {
		if k.Value == f.Get("what") {
			ask.Actions = k.actions
		}
	}
	if o := audit.Outcome(f.Get("outcome")); o == audit.Granted || o == audit.Refused {
		ask.Outcome = o
	}
	return ask
}

// dayOf parses a date field in UTC. It returns the zero time if the field is empty or invalid.
func dayOf(f ui.Form, name string) time.Time {
	text := f.Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		f.Wrong(name, "Enter a date such as 2026-11-30.")
		return time.Time{}
	}
	return t
}

// Links returns the links to the first and the next page, or "". They keep the other query parameters.
func Links(q url.Values, h browse.History) (newest, older string) {
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
