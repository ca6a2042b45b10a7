package db

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
)

// TestMalformedShownFiles checks that a text that ShownFiles did not write is an error and not another file.
func TestMalformedShownFiles(t *testing.T) {
	row := func(part ...string) string { return strings.Join(part, listSeparator) }
	whole := row("f", "1", "s", "m", "3", "4", "0", "1", "id", "2", "1", "abc")
	f, rest, err := cutShown(whole + listEnd + whole)
	if err != nil || f.RequiresPython != "ab" || f.YankedReason != "c" || !f.Attested || f.Yanked || rest != whole {
		t.Fatalf("a row of a text is %+v, %q, %v", f, rest, err)
	}
	const huge = "9223372036854775807"
	for name, text := range map[string]string{
		"empty":                       "",
		"too few texts":               row("f", "1", "s", "m", "3", "4", "0", "1", "id", "2"),
		"size is no number":           row("f", "1", "s", "m", "x", "4", "0", "1", "id", "2", "1", "abc"),
		"time is no number":           row("f", "1", "s", "m", "3", "", "0", "1", "id", "2", "1", "abc"),
		"length is no number":         row("f", "1", "s", "m", "3", "4", "0", "1", "id", "", "1", "abc"),
		"length is negative":          row("f", "1", "s", "m", "3", "4", "0", "1", "id", "-1", "1", "abc"),
		"second length is negative":   row("f", "1", "s", "m", "3", "4", "0", "1", "id", "2", "-1", "abc"),
		"lengths are too long":        row("f", "1", "s", "m", "3", "4", "0", "1", "id", "2", "2", "abc"),
		"length is huge":              row("f", "1", "s", "m", "3", "4", "0", "1", "id", huge, huge, "abc"),
		"lengths are too short":       row("f", "1", "s", "m", "3", "4", "0", "1", "id", "1", "1", "abc"),
		"nothing after the separator": whole + listEnd,
	} {
		if f, rest, err := cutShown(text); fault.KindOf(err) != fault.Internal || err == nil {
			t.Errorf("%s: cutShown(%q) = %+v, %q, %v, want an internal error", name, text, f, rest, err)
		}
	}
}
