package readme

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"pyindex/internal/readme/budget"
)

const (
	maxNesting   = 60 // characters that begin lists and quotes at the start of a line
	maxFootnotes = 1_000
)

// gfm is GitHub's Markdown. HTML in it goes through, to be sanitised with the rest.
var gfm = goldmark.New(
	goldmark.WithParser(meteredParser()),
	goldmark.WithRenderer(renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(boxes{}, 100),
		util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)),
			500),
		util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
		util.Prioritized(extension.NewFootnoteHTMLRenderer(), 500),
		util.Prioritized(html.NewRenderer(html.WithUnsafe()), 1000),
	))),
)

// markdown renders Markdown into HTML that is not safe yet. It returns an incomplete result if the budget runs out.
func markdown(source string, b *budget.Budget) string {
	pc := parser.NewContext()
	pc.Set(meterKey, &meter{budget: b})
	out := limited{budget: b}
	_ = gfm.Convert([]byte(source), &out, parser.WithContext(pc)) // no error but that of out, which the budget knows
	return out.out.String()
}

// limited is a buffer that a budget bounds.
type limited struct {
	out    strings.Builder
	budget *budget.Budget
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if !l.budget.Write(len(p)) {
		return 0, errOver
	}
	return l.out.Write(p)
}

var meterKey = parser.NewContextKey()

// meter counts what the parsers do for one text. Several of them look at the rest of a paragraph, or at all its open
// marks, once for each mark in it; none of them has a bound of its own or looks at a context. Once the budget has run
// out every parser declines, so that parsing ends at once.
type meter struct {
	budget    *budget.Budget
	footnotes int
	paragraph ast.Node // the one whose marks are counted
	marks     int
}

func meterOf(pc parser.Context) *meter { return pc.Get(meterKey).(*meter) }

// meteredParser returns a parser of GitHub's Markdown each of whose parts works within the budget.
func meteredParser() parser.Parser {
	var blocks, inlines []util.PrioritizedValue
	for _, v := range append(parser.DefaultBlockParsers(), util.Prioritized(extension.NewFootnoteBlockParser(), 999)) {
		p := v.Value.(parser.BlockParser)
		switch v.Priority {
		case 100:
			p = parser.NewSetextHeadingParser(parser.WithAutoHeadingID())
		case 600:
			p = parser.NewATXHeadingParser(parser.WithAutoHeadingID())
		}
		blocks = append(blocks, util.Prioritized(meteredBlock{p}, v.Priority))
	}
	for _, v := range append(parser.DefaultInlineParsers(),
		util.Prioritized(extension.NewTaskCheckBoxParser(), 0),
		util.Prioritized(extension.NewFootnoteParser(), 101),
		util.Prioritized(extension.NewStrikethroughParser(), 500),
		util.Prioritized(extension.NewLinkifyParser(), 999)) {
		inlines = append(inlines, util.Prioritized(metered(v.Value.(parser.InlineParser)), v.Priority))
	}
	return parser.NewParser(
		parser.WithBlockParsers(blocks...),
		parser.WithInlineParsers(inlines...),
		parser.WithParagraphTransformers(
			util.Prioritized(meteredReferences{parser.LinkReferenceParagraphTransformer}, 100),
			util.Prioritized(meteredTable{extension.NewTableParagraphTransformer()}, 200)),
		parser.WithASTTransformers(
			util.Prioritized(extension.NewTableASTTransformer(), 0),
			util.Prioritized(extension.NewFootnoteASTTransformer(), 999)),
	)
}

// meteredBlock is a parser of blocks. Each line asks each block that is open, so empty lines in deeply nested lists
// cost much more than they are long.
type meteredBlock struct{ parser.BlockParser }

// What is more than looking at a byte, in steps.
const (
	stepsOfBlock = 250 // a block, which is some hundred bytes of memory
	stepsOfLine  = 100 // a line in each block that is open, for which goldmark also keeps some memory
	bytesOfStep  = 8   // bytes that are searched
)

// Open implements parser.BlockParser.
func (p meteredBlock) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	m := meterOf(pc)
	if !m.budget.Step(1) {
		return nil, parser.NoChildren
	}
	n, state := p.BlockParser.Open(parent, reader, pc)
	if n != nil {
		m.budget.Step(stepsOfBlock)
	}
	if n != nil && n.Kind() == extast.KindFootnote {
		if m.footnotes++; m.footnotes > maxFootnotes {
			m.budget.Over = true
		}
	}
	return n, state
}

// Continue implements parser.BlockParser.
func (p meteredBlock) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	if !meterOf(pc).budget.Step(stepsOfLine) {
		return parser.Close
	}
	return p.BlockParser.Continue(node, reader, pc)
}

// metered returns a parser within the budget. A parser that wants to hear of the end of a block still does.
func metered(p parser.InlineParser) parser.InlineParser {
	if c, ok := p.(parser.CloseBlocker); ok {
		return struct {
			meteredInline
			parser.CloseBlocker
		}{meteredInline{p}, c}
	}
	return meteredInline{p}
}

type meteredInline struct{ parser.InlineParser }

// Parse implements parser.InlineParser.
func (p meteredInline) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	m := meterOf(pc)
	if m.budget.Over {
		return nil
	}
	line, segment := block.PeekLine()
	switch line[0] {
	case '*', '_', '~', ']', '[', '!', '`', '<':
		m.mark(parent, segment.Start)
		if m.budget.Over {
			return nil
		}
	}
	return p.InlineParser.Parse(parent, block, pc)
}

// mark takes the steps of one mark in a paragraph: those before it are compared with it, and the text behind it is
// searched for its end.
func (m *meter) mark(paragraph ast.Node, at int) {
	if m.paragraph != paragraph {
		m.paragraph, m.marks = paragraph, 0
	}
	m.marks++
	steps := m.marks + m.footnotes
	if lines := paragraph.Lines(); lines != nil && lines.Len() > 0 {
		steps += max(0, lines.At(lines.Len()-1).Stop-at) / bytesOfStep
	}
	m.budget.Step(steps)
}

// meteredReferences finds definitions of links at the beginning of a paragraph, each of which moves the rest of it.
type meteredReferences struct{ parser.ParagraphTransformer }

// Transform implements parser.ParagraphTransformer.
func (t meteredReferences) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	lines, definitions := node.Lines(), 0
	for definitions < lines.Len() &&
		bytes.HasPrefix(bytes.TrimLeft(lineOf(lines, definitions, reader), " "), []byte("[")) {
		definitions++
	}
	if meterOf(pc).budget.Step(definitions * lines.Len()) {
		t.ParagraphTransformer.Transform(node, reader, pc)
	}
}

func lineOf(lines *text.Segments, i int, reader text.Reader) []byte {
	segment := lines.At(i)
	return segment.Value(reader.Source())
}

// meteredTable makes tables. Each row is filled up to the width of its head, so a short row may cost what a long one
// does.
type meteredTable struct{ parser.ParagraphTransformer }

// Transform implements parser.ParagraphTransformer.
func (t meteredTable) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	b, lines := meterOf(pc).budget, node.Lines()
	columns, escaped := 0, 0
	for i := range lines.Len() {
		line := lineOf(lines, i, reader)
		if i > 0 && len(bytes.Trim(line, "|-: \t\n")) == 0 && bytes.IndexByte(line, '-') >= 0 {
			columns = max(columns, bytes.Count(line, []byte("|"))+1)
		}
		escaped += bytes.Count(line, []byte(`\|`))
	}
	if columns == 0 || b.Table(columns, lines.Len()) && b.Step(escaped*escaped) {
		t.ParagraphTransformer.Transform(node, reader, pc)
	}
}

// boxes draws the boxes of task lists as characters, since inputs are not let through.
type boxes struct{}

// RegisterFuncs implements goldmark's renderer.NodeRenderer.
func (boxes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(extast.KindTaskCheckBox,
		func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
			if !entering {
				return ast.WalkContinue, nil
			}
			box := "☐ "
			if n.(*extast.TaskCheckBox).IsChecked {
				box = "☑ "
			}
			_, err := w.WriteString(box)
			return ast.WalkContinue, err
		})
}

// tooNested reports whether a line begins more lists and quotes, or is indented further, than a parser should follow.
func tooNested(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimLeft(line, " \t>*+-0123456789.)")
		lead := line[:len(line)-len(trimmed)]
		if len(lead) > maxNesting && len(lead)-strings.Count(lead, " ")-strings.Count(lead, "\t") > maxNesting &&
			strings.Trim(line, "*+-= \t.0123456789") != "" {
			return true
		}
		if len(line)-len(strings.TrimLeft(line, " \t")) > 4*maxNesting {
			return true
		}
	}
	return false
}
