package readme

import (
	"bytes"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	emoji "github.com/yuin/goldmark-emoji"
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
	maxNesting   = 60 // markers of lists and quotes at the start of a line
	maxFootnotes = 1_000
)

// gfm renders GitHub Flavored Markdown with GitHub's alerts and emoji. It passes embedded HTML through, which is
// sanitized later. The IDs of headings are added after that, because headings can also be HTML. It is made when it is
// first needed, because its tables are large.
var gfm = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithParser(meteredParser()), goldmark.WithRenderer(gfmRenderer()))
})

func gfmRenderer() renderer.Renderer {
	return renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(boxes{}, 100),
		util.Prioritized(alerts{}, 100),
		util.Prioritized(fenced{}, 100),
		util.Prioritized(emojis{}, 100),
		util.Prioritized(
			extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), 500),
		util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
		util.Prioritized(extension.NewFootnoteHTMLRenderer(), 500),
		util.Prioritized(html.NewRenderer(html.WithUnsafe()), 1000),
	))
}

// markdown renders Markdown as HTML that is not sanitized. The result is incomplete if the budget runs out.
func markdown(source string, b *budget.Budget) string {
	pc := parser.NewContext()
	pc.Set(meterKey, &meter{budget: b})
	out := limited{budget: b}
	_ = gfm().Convert([]byte(source), &out, parser.WithContext(pc)) // an error of out sets b.Over
	return out.out.String()
}

// limited is a buffer bounded by a budget.
type limited struct {
	out    strings.Builder
	budget *budget.Budget
}

// Write returns errOver if the budget is exhausted.
func (l *limited) Write(p []byte) (int, error) {
	if !l.budget.Write(len(p)) {
		return 0, errOver
	}
	return l.out.Write(p)
}

var meterKey = parser.NewContextKey()

// meter counts the work of the parsers for one text. Several parsers examine the rest of a paragraph, or all its open
// marks, once for each mark; none has a bound of its own or checks a context. When the budget is exhausted, all parsers
// decline, so that parsing ends immediately.
type meter struct {
	budget    *budget.Budget
	footnotes int
	paragraph ast.Node // the paragraph of marks
	marks     int
}

func meterOf(pc parser.Context) *meter { return pc.Get(meterKey).(*meter) }

// meteredParser returns a parser of GitHub Flavored Markdown. All its parts consume the budget.
func meteredParser() parser.Parser {
	var blocks, inlines []util.PrioritizedValue
	for _, v := range append(parser.DefaultBlockParsers(), util.Prioritized(extension.NewFootnoteBlockParser(), 999)) {
		blocks = append(blocks, util.Prioritized(meteredBlock{v.Value.(parser.BlockParser)}, v.Priority))
	}
	for _, v := range append(parser.DefaultInlineParsers(),
		util.Prioritized(extension.NewTaskCheckBoxParser(), 0),
		util.Prioritized(emoji.NewParser(), 999),
		util.Prioritized(extension.NewFootnoteParser(), 101),
		util.Prioritized(extension.NewStrikethroughParser(), 500),
		util.Prioritized(extension.NewLinkifyParser(), 999)) {
		inlines = append(inlines, util.Prioritized(metered(v.Value.(parser.InlineParser)), v.Priority))
	}
	return parser.NewParser(
		parser.WithBlockParsers(blocks...),
		parser.WithInlineParsers(inlines...),
		parser.WithParagraphTransformers(
			util.Prioritized(alerts{}, 50),
			util.Prioritized(meteredReferences{parser.LinkReferenceParagraphTransformer}, 100),
			util.Prioritized(meteredTable{extension.NewTableParagraphTransformer()}, 200)),
		parser.WithASTTransformers(
			util.Prioritized(extension.NewTableASTTransformer(), 0),
			util.Prioritized(extension.NewFootnoteASTTransformer(), 999),
			util.Prioritized(fenced{}, 1000)),
	)
}

// meteredBlock is a block parser. It is called for each line and each open block, so that empty lines in deeply nested
// lists are expensive.
type meteredBlock struct{ parser.BlockParser }

// Costs in steps.
const (
	stepsOfBlock = 250 // a block, which takes some hundred bytes of memory
	stepsOfLine  = 100 // a line in each open block, for which goldmark also allocates memory
	bytesOfStep  = 8   // bytes searched in one step
)

// Open opens a block within the budget.
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

// Continue continues a block within the budget.
func (p meteredBlock) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	if !meterOf(pc).budget.Step(stepsOfLine) {
		return parser.Close
	}
	return p.BlockParser.Continue(node, reader, pc)
}

// metered returns a parser that consumes the budget. It preserves the parser's CloseBlock method.
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

// Parse parses inline markup within the budget.
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

// mark consumes the steps of one mark in a paragraph: earlier marks are compared with it, and the following text is
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

// meteredReferences finds link definitions at the beginning of a paragraph. Each of them moves the rest of the
// paragraph.
type meteredReferences struct{ parser.ParagraphTransformer }

// Transform transforms a paragraph within the budget.
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

// meteredTable parses tables. Short rows are completed to the width of the head, so they may cost as much as long rows.
type meteredTable struct{ parser.ParagraphTransformer }

// Transform transforms a paragraph within the budget.
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

// boxes renders the check boxes of task lists as characters, because <input> elements are removed.
type boxes struct{}

// RegisterFuncs registers the renderer of check boxes.
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

// tooNested reports whether a line has too many nested lists and quotes, or too much indentation, for the parsers.
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
