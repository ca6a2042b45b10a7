// Package readme turns what a project says of itself into HTML that is safe to show: Markdown, reStructuredText, plain text.
//
// It promises that nothing in the result runs, loads anything from elsewhere, posts anything, or looks like a part of
// the page around it: ids carry a prefix, headings begin at the second level, pictures become links. Text is never
// dropped: what cannot be rendered is shown as it was written. Work is bounded: a text that is too long, or nested too
// deeply to render in a moment, is shown as plain text.
//
// It does not promise that the result looks as it does elsewhere: of reStructuredText it knows what projects use, and
// it never includes files or runs raw directives.
package readme

import (
	"html"
	"html/template"
	"mime"
	"strings"
	"unicode/utf8"
)

// MaxText is how much of a text is rendered, in bytes; what is beyond it is cut off.
const MaxText = 256 << 10

// Rendered is a text made ready.
type Rendered struct {
	HTML template.HTML
	Cut  bool // the text was longer than MaxText
}

// Render renders a core metadata Description by its Description-Content-Type ("text/markdown; variant=GFM",
// "text/x-rst", "text/plain"). Without a type it is taken for reStructuredText, as PyPI does. Any text gives a result.
func Render(text, contentType string) Rendered {
	var out Rendered
	if len(text) > MaxText {
		text, out.Cut = text[:MaxText], true
		for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
	}
	text = strings.ToValidUTF8(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD", "\f", "\n", "\v", " ").Replace(text), "\uFFFD")
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case strings.TrimSpace(text) == "":
	case out.Cut || costly(text):
		out.HTML = plain(text)
	case err == nil && kind == "text/markdown":
		out.HTML = markdown(text)
	case contentType == "" || err == nil && kind == "text/x-rst":
		out.HTML = safe(rest(text))
	default:
		out.HTML = plain(text)
	}
	return out
}

// plain shows a text as it was written.
func plain(text string) template.HTML {
	return template.HTML("<pre>" + html.EscapeString(text) + "</pre>")
}

// What one paragraph or line may hold before rendering it is taken to cost too much: time grows with their square.
const (
	maxNesting = 60    // characters that begin lists and quotes, at the beginning of a line
	maxMarks   = 4_000 // marks of emphasis, links and code between two blank lines
)

// costly reports whether a text is of a kind that renderers take long for.
func costly(text string) bool {
	marks := 0
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimLeft(line, " \t>*+-0123456789.)")
		if lead := line[:len(line)-len(trimmed)]; len(strings.TrimLeft(lead, " \t")) > maxNesting && strings.Trim(line, "*+-= \t.0123456789") != "" {
			return true
		}
		if leading(line) > 4*maxNesting {
			return true
		}
		if strings.TrimSpace(line) == "" {
			marks = 0
			continue
		}
		marks += strings.Count(line, "*") + strings.Count(line, "_") + strings.Count(line, "[") + strings.Count(line, "`") + strings.Count(line, "<") + strings.Count(line, "!")
		if marks > maxMarks && strings.Trim(line, "*+-=_`~ \t|") != "" {
			return true
		}
	}
	return false
}

// leading counts the blanks that a line begins with.
func leading(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
