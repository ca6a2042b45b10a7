package readme_test

import (
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/readme"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each construct of docutils' specification is rendered as its golden file says, and has all the words that docutils
// finds in it (testdata/compare/compare.py --examples).
func TestRestAsDocutils(t *testing.T) {
	sources, err := filepath.Glob("testdata/rest/*.rst")
	if err != nil || len(sources) < 50 {
		t.Fatalf("%d examples, %v", len(sources), err)
	}
	for _, source := range sources {
		base := strings.TrimSuffix(source, ".rst")
		got := string(readme.Render(t.Context(), read(t, source), "text/x-rst", readme.Options{}).HTML)
		if *update {
			if err := os.WriteFile(base+".html", []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want := read(t, base+".html"); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
		if _, err := os.Stat(base + ".txt"); err != nil {
			continue // docutils refuses it
		}
		have := map[string]int{}
		for _, w := range words(got) {
			have[w]++
		}
		for _, w := range strings.Fields(read(t, base+".txt")) {
			if have[w]--; have[w] < 0 {
				t.Errorf("%s loses the word %q\n%s", source, w, got)
			}
		}
	}
}

var (
	inlineTag = regexp.MustCompile(`</?(a|em|strong|code|span|b|i|sub|sup|cite)\b[^>]*>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
	word      = regexp.MustCompile(`[\pL\pN_\pM]+`)
)

func words(page string) []string {
	return word.FindAllString(html.UnescapeString(anyTag.ReplaceAllString(inlineTag.ReplaceAllString(page, ""), " ")), -1)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
