//go:build !windows

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a file, or writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-update writes it; read the difference first):\n%s", path, diff)
	}
}

// columns aligns rows.
func columns(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Every address of the index, who may ask, and the limit on it. A new line here is a new surface: read it.
func TestRouteTable(t *testing.T) {
	x := newFixture(t, "http://h.example/team", false)
	rows := [][]string{{"METHOD", "PATH", "AUTH", "DECIDES", "LIMIT", "TABLE"}}
	for _, r := range x.server.Routes() {
		rows = append(rows, []string{r.Method, r.Path, r.Auth.String(), r.Decides.String(), string(r.Limit), r.Table})
	}
	golden(t, "routes.txt", columns(rows))
}
