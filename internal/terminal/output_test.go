package terminal

import (
	"strings"
	"testing"
)

// TestHeadingsAboveColumns: a row without values does not end the columns of the rows above it.
func TestHeadingsAboveColumns(t *testing.T) {
	for name, rows := range map[string][][]string{
		"no last value":       {{"1", "alice", "for reading", ""}, {"2", "bob", "a long one", "x"}},
		"a first row of none": {{"1", "", "", ""}, {"2", "bob", "a long one", "x"}},
		"none in the middle":  {{"1", "alice-in-wonderland", "", "x"}, {"2", "", "", ""}, {"3", "", "w", "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			heading := []string{"ID", "USER", "DESCRIPTION", "NOTE"}
			if err := (Listing{}).Write(&out, nil, heading, rows); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			for column, word := range heading {
				at := strings.Index(lines[0], word)
				for i, row := range rows {
					want := row[column]
					if want == "" {
						want = "-"
					}
					if line := lines[i+1]; at > len(line) || !strings.HasPrefix(line[at:], want) || at > 0 && line[at-1] != ' ' {
						t.Errorf("%s: %q is not below %s:\n%s", name, want, word, out.String())
					}
				}
			}
		})
	}
}
