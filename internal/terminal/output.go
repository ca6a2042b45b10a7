package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Listing is the --json flag of commands that print something: an array from those that list things, and one object
// from the others.
type Listing struct {
	JSON bool `name:"json" help:"Write the output as JSON."`
}

// Write writes value as JSON, or rows as a table with a heading.
func (l Listing) Write(w io.Writer, value any, heading []string, rows [][]string) error {
	if l.JSON {
		return WriteJSON(w, value)
	}
	table := [][]string{heading}
	for _, row := range rows {
		table = append(table, dashes(row))
	}
	_, err := io.WriteString(w, layout(table, width(w)))
	return err
}

// Report writes value as JSON, or text as a line. It is for commands that act on one thing.
func (l Listing) Report(w io.Writer, value any, text string) error {
	if l.JSON {
		return WriteJSON(w, value)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// dashes replaces empty cells of a row by "-", so that every cell can be seen.
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
