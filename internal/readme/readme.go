// Package readme turns what a project says of itself into HTML that is safe to show: Markdown, reStructuredText, plain
// text.
//
// It promises that nothing in the result runs, loads anything from elsewhere, posts anything, or looks like a part of
// the page around it: ids carry a prefix, headings begin at the second level, pictures become links. Text is never
// dropped: what cannot be rendered is shown as it was written. Time, memory and the size of the result are bounded by
// the length of the text (budget.go); a text that needs more is shown as plain text.
//
// It does not promise that the result looks as it does elsewhere: of reStructuredText it knows what projects use, and
// it never includes files or runs raw directives.
package readme

import (
	"context"
	"errors"
	"html"
	"html/template"
	"mime"
	"strings"
	"unicode/utf8"

	"pyindex/internal/readme/budget"
	"pyindex/internal/readme/rest"
)

// MaxText is how much of a text is rendered, in bytes; what is beyond it is cut off.
const MaxText = 256 << 10

// Rendered is a text made ready.
type Rendered struct {
	HTML  template.HTML
	Cut   bool // the text was longer than MaxText
	Plain bool // the text is shown as it was written, because rendering it would have cost too much
	Late  bool // the context ended before the text was rendered, so that another try may succeed
}

// errOver ends writing once the budget has run out.
var errOver = errors.New("the text is over its budget")

// Render renders a core metadata Description by its Description-Content-Type ("text/markdown; variant=GFM",
// "text/x-rst", "text/plain"). Without a type it is taken for reStructuredText, as PyPI does. Any text gives a result:
// one that costs too much, or is not ready when ctx ends, is shown as plain text.
func Render(ctx context.Context, text, contentType string) Rendered {
	var out Rendered
	if len(text) > MaxText {
		text, out.Cut = text[:MaxText], true
		for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
	}
	text = strings.ToValidUTF8(lineEnds.Replace(text), "\uFFFD")
	render := rendering(contentType)
	switch {
	case strings.TrimSpace(text) == "":
		return out
	case render == nil || out.Cut:
		out.HTML = plain(text)
		return out
	}
	b := budget.New(ctx, len(text))
	if b.Over = tooNested(text); !b.Over {
		out.HTML = safe(render(text, b), b)
	}
	if b.Over {
		out.HTML, out.Plain, out.Late = plain(text), true, b.Late
	}
	return out
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD", "\f", "\n", "\v", " ")

// rendering returns what renders a content type into HTML that is not safe yet, nil for plain text.
func rendering(contentType string) func(string, *budget.Budget) string {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && kind == "text/markdown":
		return markdown
	case contentType == "" || err == nil && kind == "text/x-rst":
		return rest.HTML
	}
	return nil
}

// Plain shows a text as it was written.
func Plain(text string) Rendered {
	if len(text) > MaxText {
		return Rendered{HTML: plain(strings.ToValidUTF8(text[:MaxText], "")), Cut: true, Plain: true}
	}
	return Rendered{HTML: plain(text), Plain: true}
}

// plain shows a text as it was written.
func plain(text string) template.HTML {
	return template.HTML("<pre>" + html.EscapeString(text) + "</pre>")
}
