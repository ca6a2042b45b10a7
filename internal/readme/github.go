package readme

import (
	"html"
	"regexp"
	"strings"

	emojiast "github.com/yuin/goldmark-emoji/ast"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"pyindex/internal/readme/highlight"
)

// alerts are GitHub's alerts: quotes whose first line is the kind of alert, optionally with a title.
type alerts struct{}

var alertLine = regexp.MustCompile(`\A(?i)\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*(.*)\n?\z`)

// Attributes of a quote that is an alert.
const (
	alertKind  = "alert"
	alertTitle = "title"
)

// Transform takes the first line of an alert from its first paragraph.
func (alerts) Transform(node *ast.Paragraph, reader text.Reader, _ parser.Context) {
	quote, ok := node.Parent().(*ast.Blockquote)
	if !ok || quote.FirstChild() != node || node.Lines().Len() == 0 {
		return
	}
	m := alertLine.FindSubmatch(lineOf(node.Lines(), 0, reader))
	if m == nil {
		return
	}
	kind := strings.ToLower(string(m[1]))
	title := strings.TrimSpace(string(m[2]))
	if title == "" {
		title = strings.ToUpper(kind[:1]) + kind[1:]
	}
	quote.SetAttributeString(alertKind, kind)
	quote.SetAttributeString(alertTitle, title)
	if node.Lines().SetSliced(1, node.Lines().Len()); node.Lines().Len() == 0 {
		quote.RemoveChild(quote, node)
	}
}

// RegisterFuncs registers the renderer of quotes.
func (alerts) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindBlockquote, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		kind, alert := n.AttributeString(alertKind)
		title, _ := n.AttributeString(alertTitle)
		out := "<blockquote>\n"
		switch {
		case alert && entering:
			out = `<aside class="alert alert-` + kind.(string) + `"><p class="alert-title">` +
				html.EscapeString(title.(string)) +
				"</p>\n"
		case alert:
			out = "</aside>\n"
		case !entering:
			out = "</blockquote>\n"
		}
		_, err := w.WriteString(out)
		return ast.WalkContinue, err
	})
}

// fenced are the fenced code blocks.
type fenced struct{}

// fencedHTML is the attribute of a fenced code block with its HTML.
const fencedHTML = "html"

// Transform colors the code of fenced blocks within the budget.
func (fenced) Transform(node *ast.Document, reader text.Reader, pc parser.Context) {
	b := meterOf(pc).budget
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.FencedCodeBlock)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		if b.Over {
			return ast.WalkStop, nil
		}
		info := ""
		if block.Info != nil {
			info = string(block.Info.Segment.Value(reader.Source()))
		}
		block.SetAttributeString(fencedHTML, highlight.HTML(string(block.Lines().Value(reader.Source())), info, b))
		return ast.WalkContinue, nil
	})
}

// RegisterFuncs registers the renderer of fenced code blocks.
func (fenced) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock,
		func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
			if !entering {
				return ast.WalkContinue, nil
			}
			code, _ := n.AttributeString(fencedHTML)
			inner, _ := code.(string)
			_, err := w.WriteString("<pre><code>" + inner + "</code></pre>\n")
			return ast.WalkSkipChildren, err
		})
}

// emojiClass begins the class of an element that is an emoji. The name of the emoji follows: anchors contain it.
const emojiClass = "emoji-"

// emojis renders emoji as characters. Emoji that exist only on GitHub remain as they were written.
type emojis struct{}

// RegisterFuncs registers the renderer of emoji.
func (emojis) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(emojiast.KindEmoji, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		e := n.(*emojiast.Emoji)
		out := ":" + string(e.ShortName) + ":"
		if e.Value.IsUnicode() {
			out = `<span class="` + emojiClass + strings.ToLower(string(e.ShortName)) + `">` + string(e.Value.Unicode) +
				"</span>"
		}
		_, err := w.WriteString(out)
		return ast.WalkContinue, err
	})
}
