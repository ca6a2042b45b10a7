package admin

import (
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/web/auditlog"
	"pyindex/web/ui"
)

// zeroName is the zero project name: the role applies to the repository.
var zeroName packaging.ProjectName

func optionalName(text string) (packaging.ProjectName, error) {
	if text == "" {
		return zeroName, nil
	}
	return packaging.ParseProjectName(text)
}

// adminExport writes the filtered audit log as JSON Lines or CSV, newest entry first.
func (s *Section) adminExport(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f := ui.Typed(r.URL.Query())
	ask := adminAsked(f)
	ask.Limit = audit.MaxEntries
	s.PageHeaders(w)
	return auditlog.Export(w, "audit", f.Get("as"), func(each func(browse.History) error) error {
		return s.o.Browser.WalkRecord(r.Context(), who, ask, each)
	})
}

// plotOf returns a plot of the last n days.
func plotOf(title, noun, activity string, days []catalog.Day, now time.Time, n int) ui.Plot {
	p := ui.Plot{Title: title, Noun: noun, Bars: make([]ui.Bar, n)}
	first := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-n)
	for i := range p.Bars {
		p.Bars[i].Date = first.AddDate(0, 0, i)
	}
	for _, d := range days {
		i := int(d.Date.Sub(first) / (24 * time.Hour))
		if d.Activity == activity && i >= 0 && i < n {
			p.Bars[i].Good, p.Bars[i].Bad = d.Granted, d.Refused
		}
	}
	return p
}
