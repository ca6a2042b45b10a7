package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Listing is the --json flag of commands that list rows.
type Listing struct {
	JSON bool `name:"json" help:"Write the output as JSON."`
}

// Write writes value as JSON, or rows as a table with a heading.
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

// dashes replaces empty cells of a row by "-", because an empty cell ends a column of a tabwriter.
func dashes(row []string) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		out[i] = Dash(cell)
	}
	return out
}

// WriteJSON writes value as indented JSON.
func WriteJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// Moment is a time for JSON and tables. The zero time is null in JSON and "-" in a table.
type Moment time.Time

// MarshalJSON returns the time in UTC in the format of RFC 3339, or null.
func (m Moment) MarshalJSON() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Time(m).UTC().Format(time.RFC3339))
}

// String returns the time in UTC for a table.
func (m Moment) String() string {
	if time.Time(m).IsZero() {
		return "-"
	}
	return time.Time(m).UTC().Format("2006-01-02 15:04")
}

// NotNil returns an empty slice for nil, so that JSON has [] instead of null.
func NotNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
