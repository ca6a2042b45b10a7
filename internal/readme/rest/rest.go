// Package rest renders the parts of reStructuredText (docutils' reStructuredText Markup Specification) that projects
// use.
//
// It never drops text: an unknown directive is shown as source. The result is not sanitized; package readme does that.
package rest

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"pyindex/internal/readme/budget"
	"pyindex/internal/readme/highlight"
)

// HTML renders text as HTML that is not sanitized. The result is incomplete if the budget runs out.
func HTML(text string, b *budget.Budget) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(untab(line), " ")
	}
	d := &document{
		budget: b, targets: map[string]string{}, substitutions: map[string]string{}, numbers: map[string]string{},
		ids: map[string]int{},
	}
	d.collect(lines)
	out := &blocks{doc: d}
	out.parse(lines)
	return strings.Replace(out.out.String(), contentsHere, d.contents(), 1)
}

// contentsHere is the placeholder of the table of contents. Package readme removes zero bytes from texts.
const contentsHere = "\x00"

func (d *document) contents() string {
	if !d.contentsAsked {
		return ""
	}
	var out strings.Builder
	out.WriteString("<ul>\n")
	for _, s := range d.sections {
		out.WriteString(`<li><a href="#` + html.EscapeString(s.id) + `">` + s.number +
			html.EscapeString(unescape(s.title)) + "</a></li>\n")
	}
	out.WriteString("</ul>\n")
	d.budget.Write(out.Len())
	return out.String()
}

func untab(line string) string {
	if !strings.Contains(line, "\t") {
		return line
	}
	var b strings.Builder
	column := 0
	for _, c := range line {
		if c != '\t' {
			b.WriteRune(c)
			column++
			continue
		}
		n := 8 - column%8
		b.WriteString("        "[:n])
		column += n
	}
	return b.String()
}

type section struct{ number, title, id string }

// document is the state for a whole text.
type document struct {
	budget        *budget.Budget
	styles        []string          // adornments of section titles, in the order of their levels
	targets       map[string]string // link targets by name
	anonymous     []string          // targets of anonymous links ("__")
	substitutions map[string]string // HTML by name
	depth         int

	sections      []section
	contentsAsked bool
	sectionNumber []int          // current number at each level, nil if sections are not numbered
	ids           map[string]int // number of sections by the ID that they would have

	numbers           map[string]string // of footnotes labeled "#name"
	numbered          []string          // of footnotes labeled "#"
	footnotesReferred footnoteCount
	footnotesShown    footnoteCount
}

var (
	targetLine       = regexp.MustCompile("^ *\\.\\. _(`[^`]+`|[^:\\\\]+(?:\\\\.[^:\\\\]*|:[^ :\\\\]+)*):(?: +(.*))?$")
	anonymousLine    = regexp.MustCompile(`^ *(?:\.\. __:|__) +(\S.*)$`)
	substitutionLine = regexp.MustCompile(`^ *\.\. \|([^|]+)\| ([a-z-]+):: *(.*)$`)
	directiveLine    = regexp.MustCompile(`^\.\. ([A-Za-z][A-Za-z0-9_:+.-]*?):: *(.*)$`)
	footnoteLine     = regexp.MustCompile(`^\.\. \[(#?[A-Za-z0-9_.-]*|\*)\] *(.*)$`)
	bulletLine       = regexp.MustCompile(`^([*+•‣⁃-])( +\S.*|)$`)
	enumLine         = regexp.MustCompile(`^\(?([0-9]{1,9}|#|[a-zA-Z]|[ivxlcdmIVXLCDM]{2,8})[.)]( +\S.*|)$`)
	fieldLine        = regexp.MustCompile(`^ *:((?:[^:\\]|\\.|:[^ :])+):(?: +(.*))?$`)
	optionLine       = regexp.MustCompile(
		`^(-{1,2}[A-Za-z0-9][A-Za-z0-9_-]*|/[A-Za-z])([ =][<A-Za-z][^ ]*)?(, (-{1,2}[A-Za-z0-9][A-Za-z0-9_-]*)([ =][<A-Za-z][^ ]*)?)*(  +\S.*|)$`,
	)
	simpleTable = regexp.MustCompile(`^=+( +=+)+$`)
	gridTable   = regexp.MustCompile(`^\+(-+\+)+$`)
	headBorder  = regexp.MustCompile(`^\+(=+\+)+$`)
)

// collect finds the targets of links, footnotes and substitutions in the whole text.
func (d *document) collect(lines []string) {
	var labels []string
	for i, line := range lines {
		trimmed := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(trimmed, ".. ") && !strings.HasPrefix(trimmed, "__ ") || !d.budget.Step(len(line)) {
			continue
		}
		if m := anonymousLine.FindStringSubmatch(line); m != nil {
			d.anonymous = append(d.anonymous, d.targetOf(m[1], lines[i+1:], leading(line)))
		} else if m := targetLine.FindStringSubmatch(line); m != nil {
			d.targets[refName(strings.Trim(m[1], "`"))] = d.targetOf(m[2], lines[i+1:], leading(line))
		} else if m := footnoteLine.FindStringSubmatch(trimmed); m != nil {
			labels = append(labels, m[1])
		}
	}
	d.collectTitles(lines)
	d.numberFootnotes(labels)
	d.collectEmbedded(strings.Join(lines, "\n"))
	for i, line := range lines { // last, because substitutions may contain references
		if !strings.HasPrefix(strings.TrimLeft(line, " "), ".. |") {
			continue
		}
		if m := substitutionLine.FindStringSubmatch(line); m != nil && d.budget.Step(len(line)) {
			d.substitutions[refName(m[1])] = d.substitution(m[1], m[2], m[3], lines[i+1:], leading(line))
		}
	}
}

// collectTitles adds each section title as a target, unless the name is already taken.
func (d *document) collectTitles(lines []string) {
	for i := 1; i < len(lines) && d.budget.Step(1); i++ {
		title := strings.TrimSpace(lines[i-1])
		if adornment(lines[i]) == 0 || title == "" || adornment(title) != 0 ||
			len(lines[i]) < min(4, utf8.RuneCountInString(title)) || len(title) > maxName {
			continue
		}
		if name := refName(title); d.targets[name] == "" {
			d.targets[name] = ""
		}
	}
}

// collectEmbedded adds the names of links with an embedded address: `name <address>`_.
func (d *document) collectEmbedded(text string) {
	from := strings.IndexByte(text, '`') + 1
	for from > 0 {
		i := strings.IndexByte(text[from:], '`')
		if i < 0 {
			return
		}
		end := from + i
		if name, address, ok := embeddedAddress(text[from:end]); ok && strings.HasPrefix(text[end+1:], "_") &&
			!strings.HasPrefix(text[end+1:], "__") {
			d.targets[refName(name)] = strings.Join(strings.Fields(address), "")
		}
		from = end + 1
	}
}

// targetOf returns a target's address, which may continue in indented lines. It returns "" for a target within the
// text.
func (d *document) targetOf(first string, rest []string, indent int) string {
	address := []string{strings.ReplaceAll(first, " ", "")}
	size := len(first)
	for _, line := range rest {
		if line == "" || leading(line) <= indent || size > maxAddress {
			break
		}
		size += len(line)
		address = append(address, strings.ReplaceAll(line, " ", ""))
	}
	d.budget.Step(size)
	return strings.Join(address, "")
}

// substitution returns the HTML for a substitution. Lines with options or text follow its directive.
func (d *document) substitution(name, directive, argument string, rest []string, indent int) string {
	switch directive {
	case "image":
		for len(rest) > 0 && leading(rest[0]) > indent && !fieldLine.MatchString(rest[0]) && d.budget.Step(len(rest[0])) {
			argument, rest = argument+strings.TrimSpace(rest[0]), rest[1:]
		}
		opts := options(rest, indent)
		if opts["alt"] == "" {
			opts["alt"] = name
		}
		return picture(argument, opts)
	case "replace":
		return d.inline(d.continued(argument, rest, indent))
	case "unicode":
		return html.EscapeString(characters(argument))
	}
	return html.EscapeString(argument)
}

// continued returns a text with the indented lines that follow it.
func (d *document) continued(first string, rest []string, indent int) string {
	n := 0
	for n < len(rest) && rest[n] != "" && leading(rest[n]) > indent && d.budget.Step(len(rest[n])) {
		n++
	}
	return strings.TrimSpace(first + "\n" + strings.Join(dedent(rest[:n]), "\n"))
}

// characters decodes a unicode directive: codes such as 0xA9, U+00A9 and &#xA9;, and text between them.
func characters(argument string) string {
	argument, _, _ = strings.Cut(argument, " .. ")
	var out strings.Builder
	for word := range strings.FieldsSeq(argument) {
		hex := strings.TrimSuffix(strings.TrimLeft(strings.ToLower(word), "0\\u+x&#"), ";")
		coded := len(hex) < len(word) && strings.ContainsAny(strings.ToLower(word[:min(3, len(word))]), "xu\\")
		if n, err := strconv.ParseUint(hex, 16, 32); coded && err == nil && utf8.ValidRune(rune(n)) {
			out.WriteRune(rune(n))
			continue
		}
		out.WriteString(word)
	}
	return out.String()
}

// target returns the address of a named target. If there is no such target, it assumes a section with that title.
func (d *document) target(name string) string {
	for range 10 { // targets may refer to other targets
		d.budget.Step(len(name))
		address, ok := d.targets[refName(name)]
		if !ok || address == "" {
			return "#" + slug(name)
		}
		if !strings.HasSuffix(address, "_") || strings.HasSuffix(address, `\_`) || strings.Contains(address, "://") {
			return unescape(address)
		}
		name = strings.Trim(strings.TrimSuffix(address, "_"), "`")
	}
	return ""
}

// nextAnonymous returns the address of the next anonymous link.
func (d *document) nextAnonymous() string {
	if len(d.anonymous) == 0 {
		return ""
	}
	address := d.anonymous[0]
	d.anonymous = d.anonymous[1:]
	if name, ok := strings.CutSuffix(address, "_"); ok && !strings.Contains(address, "://") {
		return d.target(strings.Trim(name, "`"))
	}
	return unescape(address)
}

// refName normalizes a name for comparing references with targets.
func refName(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(s, `\`, "")), " "))
}

func slug(title string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(title) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c > 127:
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

func picture(address string, opts map[string]string) string {
	img := fmt.Sprintf(`<img src="%s" alt="%s">`, html.EscapeString(strings.TrimSpace(address)),
		html.EscapeString(opts["alt"]))
	if target := opts["target"]; target != "" {
		return fmt.Sprintf(`<a href="%s">%s</a>`, html.EscapeString(target), img)
	}
	return img
}

// options parses the ":name: value" lines that follow a directive.
func options(lines []string, indent int) map[string]string {
	out := map[string]string{}
	for _, line := range lines[:min(len(lines), maxOptions)] {
		m := fieldLine.FindStringSubmatch(line)
		if m == nil || leading(line) <= indent {
			break
		}
		out[m[1]] = m[2]
	}
	return out
}

// blocks renders lines with the same indentation.
type blocks struct {
	doc   *document
	out   strings.Builder
	lines []string
	at    int
}

// nested renders the lines of a nested block.
func (b *blocks) nested(lines []string) string {
	if !b.doc.budget.Step(len(lines)) {
		return ""
	}
	if b.doc.depth >= maxDepth {
		return "<pre>" + html.EscapeString(strings.Join(lines, "\n")) + "</pre>"
	}
	b.doc.depth++
	defer func() { b.doc.depth-- }()
	n := &blocks{doc: b.doc}
	n.parse(lines)
	return n.out.String()
}

func (b *blocks) parse(lines []string) {
	b.lines = lines
	for b.at < len(b.lines) && !b.doc.budget.Over {
		if b.line(0) == "" {
			b.at++
			continue
		}
		b.doc.budget.Step(100)
		before := b.at
		b.block()
		if b.at == before { // not expected; prevents an endless loop
			b.text(b.line(0))
			b.at++
		}
	}
}

// line returns the line n lines after the current one, or "" after the end.
func (b *blocks) line(n int) string {
	if b.at+n < len(b.lines) {
		return b.lines[b.at+n]
	}
	return ""
}

func (b *blocks) block() {
	render := b.construct()
	switch {
	case render != nil:
		render()
	case leading(b.line(1)) > 0 && !strings.HasSuffix(b.line(0), "::"):
		b.definitions()
	default:
		b.paragraph()
	}
}

// construct returns a function that renders the construct at the current line. It returns nil for a paragraph and for a
// term of a definition list.
func (b *blocks) construct() func() {
	line := b.line(0)
	is := func(first string, form *regexp.Regexp) bool {
		c, _ := utf8.DecodeRuneInString(line)
		return strings.ContainsRune(first, c) && form.MatchString(line)
	}
	switch {
	case leading(line) > 0:
		return func() { b.tag("blockquote", b.nested(b.indented())) }
	case b.titled() != noTitle:
		return b.title
	case strings.HasPrefix(line, ".. ") || line == ".." || strings.HasPrefix(line, "__ "):
		return b.explicit
	case is("=", simpleTable):
		return b.simpleTable
	case is("+", gridTable):
		return b.gridTable
	case is("*+•‣⁃-", bulletLine):
		return func() { b.list(bulletLine, "ul") }
	case enumLine.MatchString(line) && b.enumerates():
		return func() { b.list(enumLine, "ol") }
	case is(":", fieldLine):
		return b.fields
	case is("-/", optionLine):
		return b.optionList
	case strings.HasPrefix(line, ">>> "):
		return func() { b.code(b.until(func(l string) bool { return l == "" }), "pycon") }
	case strings.HasPrefix(line, "| ") || line == "|":
		return b.lineBlock
	}
	return nil
}

func (b *blocks) tag(name, inner string) {
	b.out.WriteString("<" + name + ">" + inner + "</" + name + ">\n")
}

func (b *blocks) text(s string) { b.tag("p", b.inline(s)) }

func (b *blocks) literal(lines []string) {
	b.out.WriteString("<pre>" + html.EscapeString(strings.Join(lines, "\n")) + "</pre>\n")
}

// code writes code with the colors of its language.
func (b *blocks) code(lines []string, language string) {
	b.out.WriteString("<pre>" + highlight.HTML(strings.Join(lines, "\n"), language, b.doc.budget) + "</pre>\n")
}

func (b *blocks) inline(s string) string { return b.doc.inline(s) }

// until consumes lines up to the first one for which stop returns true.
func (b *blocks) until(stop func(string) bool) []string {
	from := b.at
	for b.at < len(b.lines) && !stop(b.lines[b.at]) {
		b.at++
	}
	return b.lines[from:b.at]
}

// indented consumes indented lines and blank lines between them, and removes their common indentation.
func (b *blocks) indented() []string {
	return dedent(b.until(func(l string) bool { return l != "" && leading(l) == 0 }))
}

func dedent(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	least := 1 << 30
	for _, l := range lines {
		if l != "" {
			least = min(least, leading(l))
		}
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l[min(least, len(l)):]
	}
	return out
}

// adornment returns the punctuation character that the whole line consists of, or 0.
func adornment(line string) byte {
	if line == "" || !strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", rune(line[0])) ||
		strings.Trim(line, line[:1]) != "" {
		return 0
	}
	return line[0]
}

// Kinds of section titles.
const (
	noTitle = iota
	aLine   // a transition line
	overlined
	underlined
)

// titled returns the kind of section title at the current line.
func (b *blocks) titled() int {
	line, under := b.line(0), b.line(1)
	c := adornment(line)
	if c != 0 && len(line) >= 4 && under == "" {
		return aLine
	}
	if third := b.line(2); c != 0 && len(line) >= 2 && under != "" && adornment(third) == c && len(third) == len(line) {
		return overlined
	}
	if c == 0 && adornment(under) != 0 && len(under) >= min(utf8.RuneCountInString(line), 4) &&
		!simpleTable.MatchString(under) {
		return underlined
	}
	return noTitle
}

// title renders a section title or a transition.
func (b *blocks) title() {
	line, under := b.line(0), b.line(1)
	switch b.titled() {
	case aLine:
		b.at++
		b.out.WriteString("<hr>\n")
	case overlined:
		b.heading(strings.TrimSpace(under), line[:1]+line[:1])
		b.at += 3
	case underlined:
		b.heading(line, under[:1])
		b.at += 2
	}
}

func (b *blocks) heading(text, style string) {
	level := 0
	for level < len(b.doc.styles) && b.doc.styles[level] != style {
		level++
	}
	if level == len(b.doc.styles) {
		b.doc.styles = append(b.doc.styles, style)
	}
	number := b.doc.nextSection(level)
	id := b.doc.sectionID(text)
	b.doc.sections = append(b.doc.sections, section{number, text, id})
	level = min(level+1, 5)
	fmt.Fprintf(&b.out, "<h%d id=\"%s\">%s%s</h%d>\n", level, html.EscapeString(id), number, b.inline(text), level)
}

// sectionID returns the ID of a section. Later sections with the same title are numbered.
func (d *document) sectionID(title string) string {
	id := slug(title)
	n := d.ids[id]
	if d.ids[id]++; n > 0 {
		return id + "-" + strconv.Itoa(n)
	}
	return id
}

// nextSection returns the number of a new section, or "" if sections are not numbered.
func (d *document) nextSection(level int) string {
	if d.sectionNumber == nil {
		return ""
	}
	for len(d.sectionNumber) <= level {
		d.sectionNumber = append(d.sectionNumber, 0)
	}
	d.sectionNumber = d.sectionNumber[:level+1]
	d.sectionNumber[level]++
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(d.sectionNumber), "[]"), " ", ".") + " "
}

// enumerates reports whether the current line, which looks like an item of a numbered list, is one. It may also be the
// beginning of a sentence, or an initial if no other item follows.
func (b *blocks) enumerates() bool {
	next := b.line(1)
	if next != "" && leading(next) == 0 && !enumLine.MatchString(next) {
		return false
	}
	if c := strings.TrimLeft(b.line(0), "(")[0]; c == '#' || isDigit(c) {
		return true
	}
	n := 1
	for b.at+n < len(b.lines) && (b.line(n) == "" || leading(b.line(n)) > 0) && b.doc.budget.Step(20) {
		n++
	}
	return enumLine.MatchString(b.line(n))
}

func (b *blocks) list(form *regexp.Regexp, tag string) {
	b.out.WriteString("<" + tag + start(form, tag, b.line(0)) + ">\n")
	kind := itemKind(form, b.line(0))
	for b.at < len(b.lines) {
		m := form.FindStringSubmatchIndex(b.line(0))
		if m == nil || itemKind(form, b.line(0)) != kind && b.line(0)[0] != '#' {
			break
		}
		b.out.WriteString("<li>" + b.compact(b.nested(b.item(m))) + "</li>\n")
		for b.line(0) == "" && b.at < len(b.lines) {
			b.at++
		}
	}
	b.out.WriteString("</" + tag + ">\n")
}

// item consumes the lines of a list item. m is the match of its first line.
func (b *blocks) item(m []int) []string {
	line := b.line(0)
	width := len(line)
	if body := strings.TrimLeft(line[m[4]:m[5]], " "); body != "" {
		width = len(line) - len(body)
	}
	b.at++
	more := b.until(func(l string) bool { return l != "" && leading(l) < min(width, 2) })
	return dedent(append([]string{strings.Repeat(" ", width) + line[width:]}, more...))
}

// itemKind returns the common part of a list's items: their bullet, or their style of numbering.
func itemKind(form *regexp.Regexp, line string) string {
	m := form.FindStringSubmatch(line)
	if len(m[1]) == 0 || form == bulletLine {
		return m[1]
	}
	label, _, _ := strings.Cut(line, " ")
	kind := "1"
	switch c := m[1][0]; {
	case c >= 'a' && c <= 'z':
		kind = "a"
	case isLetter(c):
		kind = "A"
	}
	return strings.Replace(label, m[1], kind, 1)
}

// start returns the attributes of a numbered list with the given first line.
func start(form *regexp.Regexp, tag, line string) string {
	m := form.FindStringSubmatch(line)
	switch {
	case tag != "ol" || m == nil || m[1] == "#" || m[1] == "1":
		return ""
	case isDigit(m[1][0]):
		return ` start="` + m[1] + `"`
	case m[1] == "i" || m[1] == "I" || len(m[1]) > 1: // lists that do not begin with 1 are rare
		return ` type="` + string(m[1][0]&0x20|'I') + `"`
	}
	first := m[1][0]&0x20 | 'A'
	return fmt.Sprintf(` type="%c" start="%d"`, first, m[1][0]-first+1)
}

// compact removes the <p> element around a single paragraph.
func (b *blocks) compact(inner string) string {
	trimmed := strings.TrimSuffix(inner, "\n")
	body, ok := strings.CutPrefix(trimmed, "<p>")
	if body, ok2 := strings.CutSuffix(body, "</p>"); ok && ok2 && !strings.Contains(body, "<p>") {
		return body
	}
	return inner
}

func (b *blocks) fields() {
	b.out.WriteString("<dl>\n")
	for m := fieldLine.FindStringSubmatch(b.line(0)); m != nil; m = fieldLine.FindStringSubmatch(b.line(0)) {
		b.at++
		body := append([]string{m[2]}, b.indented()...)
		b.out.WriteString("<dt>" + b.inline(m[1]) + "</dt><dd>" + b.compact(b.nested(dedent(body))) + "</dd>\n")
	}
	b.out.WriteString("</dl>\n")
}

func (b *blocks) optionList() {
	b.out.WriteString("<dl>\n")
	for b.at < len(b.lines) && optionLine.MatchString(b.line(0)) {
		option, text, _ := strings.Cut(b.line(0), "  ")
		b.at++
		body := append([]string{strings.TrimSpace(text)}, b.indented()...)
		b.out.WriteString("<dt><code>" + html.EscapeString(option) + "</code></dt><dd>" + b.compact(b.nested(dedent(body))) +
			"</dd>\n")
	}
	b.out.WriteString("</dl>\n")
}

// definitions renders a definition list, which ends before any other construct.
func (b *blocks) definitions() {
	b.out.WriteString("<dl>\n")
	for b.line(0) != "" && leading(b.line(1)) > 0 && b.construct() == nil {
		term := b.line(0)
		b.at++
		b.out.WriteString("<dt>" + b.inline(term) + "</dt><dd>" + b.compact(b.nested(b.indented())) + "</dd>\n")
	}
	b.out.WriteString("</dl>\n")
}

func (b *blocks) lineBlock() {
	var out []string
	for _, l := range b.until(func(l string) bool { return l == "" }) {
		out = append(out, b.inline(strings.TrimSpace(strings.TrimPrefix(l, "|"))))
	}
	b.tag("p", strings.Join(out, "<br>\n"))
}

func (b *blocks) paragraph() {
	lines := b.until(func(l string) bool { return l == "" })
	// In docutils, an indented line ends a paragraph with a warning. Here it is part of the paragraph.
	text := strings.Join(lines, "\n")
	if !strings.HasSuffix(text, "::") {
		b.text(text)
		return
	}
	text = strings.TrimSuffix(text, "::")
	switch {
	case strings.TrimSpace(text) == "":
	case strings.HasSuffix(text, " ") || strings.HasSuffix(text, "\n"):
		b.text(strings.TrimSpace(text))
	default:
		b.text(text + ":")
	}
	for b.line(0) == "" && b.at < len(b.lines) {
		b.at++
	}
	switch {
	case leading(b.line(0)) > 0:
		b.literal(b.indented())
	case b.line(0) != "" && adornment(b.line(0)[:1]) != 0: // a quoted literal block
		quote := b.line(0)[0]
		b.literal(b.until(func(l string) bool { return l == "" || l[0] != quote }))
	}
}

func leading(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
