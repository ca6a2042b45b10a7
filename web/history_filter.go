package web

import (
	"net/url"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

type historyEntry struct {
	audit.Entry
	Sentence string
	Details  string
	Mark     string // kind of badge: "bad" for what was refused
}

// entriesOf returns a part of the record as pages show it.
func entriesOf(h catalog.History) (out []historyEntry) {
	for _, e := range h.Entries {
		x := historyEntry{Entry: e, Sentence: sentence(e), Details: detailLines(e)}
		if e.Outcome == audit.Refused {
			x.Mark = "bad"
		}
		out = append(out, x)
	}
	return out
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

// historyAsked reads the filters; a day that cannot be read is noted beside its field and not asked for.
func historyAsked(f form) catalog.HistoryFilter {
	ask := catalog.HistoryFilter{
		Actor: f.get("actor"), Version: f.get("version"), Text: f.get("text"), Since: dayOf(f, "from"), Until: dayOf(f, "to"), Limit: entriesPerPage,
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

// dayOf reads a date as browsers send it, in UTC; the zero time where there is none.
func dayOf(f form, name string) time.Time {
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

// historyLinks are the links to the first page and to the next one; other parts of the query stay.
func historyLinks(q url.Values, h catalog.History) (newest, older string) {
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
