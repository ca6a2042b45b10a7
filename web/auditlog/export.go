package auditlog

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/browse"
)

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

// Export writes the entries that walk passes on, as CSV if as is "csv" and otherwise as JSON Lines. The file is named
// after name. It streams the entries, so memory use does not depend on their number. An error of walk before the first
// page is returned before anything is written.
func Export(w http.ResponseWriter, name, as string, walk func(each func(browse.History) error) error) error {
	write := exportJSON(w)
	name, kind := name+".jsonl", "application/x-ndjson"
	var done func() error
	if as == "csv" {
		name, kind = strings.TrimSuffix(name, "jsonl")+"csv", "text/csv; charset=utf-8"
		write, done = exportCSV(w)
	}
	begun := false
	err := walk(func(h browse.History) error {
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
