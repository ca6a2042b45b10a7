package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Listing is a flag of every command that lists.
type Listing struct {
	JSON bool `name:"json" help:"Write JSON."`
}

// Write writes rows as JSON, or as a table with a heading.
func (l Listing) Write(w io.Writer, value any, heading []string, rows [][]string) error {
	if l.JSON {
		return WriteJSON(w, value)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(heading, "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(dashes(row), "\t"))
	}
	return t.Flush()
}

// dashes returns a row without empty cells: a column of a tabwriter ends at a row that has no cell in it.
func dashes(row []string) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		out[i] = Dash(cell)
	}
	return out
}

// WriteJSON writes an indented document.
func WriteJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// Moment is a time in JSON and tables; the zero one is null and "-".
type Moment time.Time

// MarshalJSON writes RFC 3339, or null.
func (m Moment) MarshalJSON() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Time(m).UTC().Format(time.RFC3339))
}

// String writes the time for a table.
func (m Moment) String() string {
	if time.Time(m).IsZero() {
		return "-"
	}
	return time.Time(m).UTC().Format("2006-01-02 15:04")
}

// NotNil makes an empty list "[]" in JSON.
func NotNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
