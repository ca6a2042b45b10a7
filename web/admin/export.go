package admin

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
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

// exportColumns are the columns of the CSV export and the keys of the JSON export.
var exportColumns = []string{
	"at", "action", "outcome", "actor_kind", "actor_id", "actor_name", "token_id", "address", "request_id", "project",
	"version", "filename", "subject", "detail", "more",
}

func exportRow(e audit.Entry) []string {
	detail, _ := json.Marshal(e.Detail)
	if len(e.Detail) == 0 {
		detail = nil
	}
	more := "" // number of repeated refusals that the entry includes
	if e.More > 0 {
		more = strconv.Itoa(e.More)
	}
	return []string{
		e.At.UTC().Format(time.RFC3339Nano), e.Action, string(e.Outcome), e.Actor.Kind, e.Actor.ID, e.Actor.Name,
		e.Actor.TokenID, e.Actor.Address,
		e.Actor.RequestID, e.Project, e.Version, e.Filename, e.Subject, string(detail), more,
	}
}

// adminExport writes the filtered audit log as JSON Lines or CSV, newest entry first. It streams the entries, so memory
// use does not depend on their number.
func (s *Section) adminExport(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f := ui.Typed(r.URL.Query())
	ask := adminAsked(f)
	ask.Limit = audit.MaxEntries
	s.PageHeaders(w)
	write := exportJSON(w)
	name, kind := "audit.jsonl", "application/x-ndjson"
	var done func() error
	if f.Get("as") == "csv" {
		name, kind = "audit.csv", "text/csv; charset=utf-8"
		write, done = exportCSV(w)
	}
	begun := false
	err := s.o.Browser.WalkRecord(r.Context(), who, ask, func(h browse.History) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
		}
		for _, e := range h.Entries {
			if err := write(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && done != nil {
		err = done()
	}
	return err
}

func exportJSON(w io.Writer) func(audit.Entry) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return func(e audit.Entry) error {
		row := map[string]any{}
		for i, v := range exportRow(e) {
			if v != "" {
				row[exportColumns[i]] = v
			}
		}
		if len(e.Detail) > 0 {
			row["detail"] = e.Detail
		}
		return out.Encode(row)
	}
}

func exportCSV(w io.Writer) (func(audit.Entry) error, func() error) {
	out := csv.NewWriter(w)
	first := true
	write := func(e audit.Entry) error {
		if first {
			first = false
			if err := out.Write(exportColumns); err != nil {
				return err
			}
		}
		row := exportRow(e)
		for i := range row {
			row[i] = inert(row[i])
		}
		return out.Write(row)
	}
	return write, func() error { out.Flush(); return out.Error() }
}

// inert escapes a cell that a spreadsheet would read as a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
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
