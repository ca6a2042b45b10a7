package web_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"

	"pyindex/internal/readme/highlight"
)

// contrast returns the contrast ratio of two colors as WCAG 2 defines it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(color string) float64 {
		n, err := strconv.ParseUint(color[1:], 16, 32)
		if err != nil || len(color) != 7 {
			t.Fatalf("%q is not a color", color)
		}
		part := func(c uint64) float64 {
			v := float64(c&0xff) / 255
			if v <= 0.04045 {
				return v / 12.92
			}
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return 0.2126*part(n>>16) + 0.7152*part(n>>8) + 0.0722*part(n)
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Text in colored code, alerts and descriptions of pictures can be read in both color schemes.
func TestContrastOfDescriptions(t *testing.T) {
	tokens, err := os.ReadFile("static/css/00-tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("static/css/40-project.css")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`(?m)^ +--([a-z-]+): (#[0-9a-f]{6});`)
	for scheme, selector := range map[string]string{"light": `:root`, "dark": `:root[data-theme="dark"]`} {
		block := regexp.MustCompile(`(?ms)^` + regexp.QuoteMeta(selector) + ` \{\n(.*?)^\}`).FindSubmatch(tokens)
		if block == nil {
			t.Fatalf("there is no palette %s", selector)
		}
		colors := map[string]string{}
		for _, m := range variable.FindAllSubmatch(block[1], -1) {
			colors[string(m[1])] = string(m[2])
		}
		check := func(what, text, back string) {
			t.Helper()
			if got := contrast(t, colors[text], colors[back]); got < 4.5 {
				t.Errorf("%s, %s: --%s on --%s has a contrast of %.2f, want at least 4.5", scheme, what, text, back, got)
			}
		}
		for _, class := range highlight.Classes {
			m := regexp.MustCompile(`(?m)^(?:[^{}]*, )?\.` + class +
				`(?:, [^{}]*)? \{ color: var\(--([a-z-]+)\); \}$`).FindSubmatch(rules)
			if m == nil {
				t.Fatalf("the class %s of code has no color", class)
			}
			check("code "+class, string(m[1]), "raised")
		}
		check("code", "ink", "raised")
		check("pictures", "muted", "surface")
		alerts := regexp.MustCompile(`--alert: var\(--([a-z]+)\);\s+--alert-back: var\(--([a-z-]+)\);`).FindAllSubmatch(
			rules, -1,
		)
		if len(alerts) != 5 {
			t.Fatalf("%d kinds of alerts have colors, want 5", len(alerts))
		}
		for _, m := range alerts {
			check("title of an alert", string(m[1]), string(m[2]))
			check("text of an alert", "ink", string(m[2]))
			check("link in an alert", "accent", string(m[2]))
		}
	}
}
