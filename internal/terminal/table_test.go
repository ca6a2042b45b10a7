package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var publishersTable = [][]string{
	{"ID", "PROJECT", "KIND", "PUBLISHER", "OWNER ID", "PENDING UNTIL"},
	{
		"01a22723-ae73-7072-b8a3-48a1c4ae103b", "demo-pkg", "github",
		"workflow release.yml in acme/widgets, environment pypi, on github.com", "set by the first token", "-",
	},
	{"01a22723-ae73-7072-b8a3-48a1c4ae103c", "other", "gitlab", "pipeline é", "42", "2026-12-06 11:49"},
}

// A table fits the terminal: long cells continue on the next line, below their own beginning.
func TestTableFits(t *testing.T) {
	want := strings.TrimPrefix(`
ID                                    PROJECT   KIND    PUBLISHER      OWNER ID       PENDING UNTIL
01a22723-ae73-7072-b8a3-48a1c4ae103b  demo-pkg  github  workflow       set by the     -
                                                        release.yml    first token
                                                        in
                                                        acme/widgets,
                                                        environment
                                                        pypi, on
                                                        github.com
01a22723-ae73-7072-b8a3-48a1c4ae103c  other     gitlab  pipeline é     42             2026-12-06
                                                                                      11:49
`, "\n")
	if got := layout(publishersTable, 100); got != want {
		t.Errorf("at 100 columns:\n%s", got)
	}
	for limit := 96; limit < 220; limit++ {
		for line := range strings.Lines(layout(publishersTable, limit)) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > limit {
				t.Fatalf("at %d columns a line has %d: %q", limit, n, line)
			}
		}
	}
	if got := layout(publishersTable, 0); strings.Count(got, "\n") != 3 {
		t.Errorf("without a limit a row takes several lines:\n%s", got)
	}
}

// A table whose words do not fit becomes one block a row, and loses nothing.
func TestTableTooWide(t *testing.T) {
	got := layout(publishersTable, 60)
	if !strings.HasPrefix(got, "ID             01a22723-ae73-7072-b8a3-48a1c4ae103b\nPROJECT        demo-pkg\n") ||
		strings.Count(got, "\n") != 13 || !strings.Contains(got, "environment pypi, on github.com\n") {
		t.Errorf("at 60 columns:\n%s", got)
	}
	if got := layout(publishersTable[:1], 20); !strings.HasPrefix(got, "ID") {
		t.Errorf("an empty table is %q", got)
	}
}

// The width comes from COLUMNS; anything that is no terminal has no limit.
func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "100": 100, "-1": 0, "x": 0} {
		t.Setenv("COLUMNS", text)
		if got := width(&strings.Builder{}); got != want {
			t.Errorf("width() with COLUMNS=%q is %d, want %d", text, got, want)
		}
	}
}
