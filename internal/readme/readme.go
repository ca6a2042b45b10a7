// Package readme renders project descriptions as safe HTML, from Markdown, reStructuredText or plain text.
//
// The result contains no scripts or forms, and no pictures of other sites except those that Options.Picture permits. It
// cannot imitate or end the page around it: IDs have a prefix, headings begin at the second level, and every element
// that it opens is closed. Anchors are those of GitHub, and a link that leads nowhere is text. Text is never dropped:
// markup that cannot be rendered is shown as source. Time, memory and the size of the result are bounded in proportion
// to the text (package budget). A text that exceeds these bounds is shown as plain text.
//
// The result may look different elsewhere: the package supports the parts of reStructuredText that projects use, and
// never includes files or raw directives.
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

// MaxText is the maximum size of a rendered text in bytes. Longer texts are truncated.
const MaxText = 256 << 10

// Rendered is a rendered text.
type Rendered struct {
	HTML  template.HTML
	Cut   bool // the text was longer than MaxText
	Plain bool // the text is shown as plain text, because rendering it would have exceeded the budget
	Late  bool // the context ended before the text was rendered, so a retry may succeed

	Pictures []string // addresses of the pictures that Options.Picture permitted
}

// Options are the parts of rendering that depend on the project and the index.
type Options struct {
	Source Source // resolves relative addresses

	// Picture returns the address from which a browser loads the picture of an http or https address, or "" if the
	// picture is shown as its alternative text. If it is nil, all of them are.
	Picture func(address string) string
}

// errOver ends rendering when the budget is exhausted.
var errOver = errors.New("the text exceeds its budget")

// Render renders a core metadata Description according to its Description-Content-Type ("text/markdown; variant=GFM",
// "text/x-rst", "text/plain"). Like PyPI, it treats a text without a type as reStructuredText. A text that exceeds its
// budget, or is not rendered when ctx ends, is returned as plain text.
func Render(ctx context.Context, text, contentType string, o Options) Rendered {
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
		out.HTML, out.Pictures = safe(render(text, b), o, b)
	}
	if b.Over {
		out.HTML, out.Plain, out.Late = plain(text), true, b.Late
	}
	return out
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD", "\f", "\n", "\v", " ")

// rendering returns the renderer of a content type, or nil for plain text. Its HTML is not sanitized.
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

// Plain returns text as preformatted plain text.
func Plain(text string) Rendered {
	if len(text) > MaxText {
		return Rendered{HTML: plain(strings.ToValidUTF8(text[:MaxText], "")), Cut: true, Plain: true}
	}
	return Rendered{HTML: plain(text), Plain: true}
}

func plain(text string) template.HTML {
	return template.HTML("<pre>" + html.EscapeString(text) + "</pre>")
}
