package readme

import (
	"html"
	"regexp"
	"strconv"
	"strings"
)

var (
	directiveLine = regexp.MustCompile(`^\.\. ([A-Za-z][A-Za-z0-9_:+.-]*?):: *(.*)$`)
	footnoteLine  = regexp.MustCompile(`^\.\. \[(#?[A-Za-z0-9_.-]*|\*)\] *(.*)$`)
)

// explicit renders what begins with "..": directives, footnotes, targets, comments.
func (b *blocks) explicit() {
	first, from := b.line(0), b.at
	b.at++
	if anonymousLine.MatchString(first) || targetLine.MatchString(first) && !directiveLine.MatchString(first) {
		b.hyperlinkTarget(first)
		return
	}
	if first == ".." && b.line(0) == "" { // an empty comment ends what is before it
		return
	}
	body := b.indentedBody()
	source := b.lines[from:b.at]
	switch {
	case substitutionLine.MatchString(first): // found by collect
	case directiveLine.MatchString(first):
		m := directiveLine.FindStringSubmatch(first)
		b.directive(strings.ToLower(m[1]), m[2], body, source)
	case footnoteLine.MatchString(first):
		m := footnoteLine.FindStringSubmatch(first)
		b.footnote(m[1], append([]string{m[2]}, body...))
	} // anything else is a comment
}

// hyperlinkTarget passes over a target, which ends at an empty line, and marks the place of one without an address.
func (b *blocks) hyperlinkTarget(first string) {
	more := b.until(func(l string) bool { return leading(l) == 0 })
	if m := targetLine.FindStringSubmatch(first); m != nil && m[2] == "" && len(more) == 0 {
		b.out.WriteString(`<span id="` + html.EscapeString(slug(strings.Trim(m[1], "`"))) + `"></span>`)
	}
}

// indentedBody takes the indented lines that belong to what was just read.
func (b *blocks) indentedBody() []string {
	at := b.at
	body := b.indented(1)
	if len(body) == 0 {
		b.at = at
	}
	return body
}

// footnoteCount is how many footnotes without a name of their own there were so far.
type footnoteCount struct{ numbered, symbols int }

// numberFootnotes gives numbers to those that are called "#" or "#name", in their order, past those that have one.
func (d *document) numberFootnotes(labels []string) {
	taken, n := map[string]bool{}, 1
	for _, label := range labels {
		taken[label] = true
	}
	for _, label := range labels {
		name, auto := strings.CutPrefix(label, "#")
		if !auto {
			continue
		}
		for taken[strconv.Itoa(n)] {
			n++
		}
		if name == "" {
			d.numbered = append(d.numbered, strconv.Itoa(n))
		} else {
			d.numbers[name] = strconv.Itoa(n)
		}
		n++
	}
}

// footnoteLabel is how a footnote, or a reference to it, is shown.
func (d *document) footnoteLabel(label string, count *footnoteCount) string {
	name, auto := strings.CutPrefix(label, "#")
	switch {
	case label == "*":
		count.symbols++
		symbols := []rune("*†‡§¶#♠♥♦♣")
		return strings.Repeat(string(symbols[(count.symbols-1)%len(symbols)]), 1+min(9, (count.symbols-1)/len(symbols)))
	case !auto:
		return label
	case name != "" && d.numbers[name] != "":
		return d.numbers[name]
	case name != "":
		return name
	}
	count.numbered++
	if count.numbered <= len(d.numbered) {
		return d.numbered[count.numbered-1]
	}
	return "#"
}

func (b *blocks) footnote(label string, body []string) {
	label = b.doc.footnoteLabel(label, &b.doc.footnotesShown)
	b.out.WriteString(`<div id="` + html.EscapeString("footnote-"+slug(label)) + `"><p>[` + html.EscapeString(label) + "]</p>" + b.nested(dedent(body)) + "</div>\n")
}

// admonitions are directives that draw attention, with their titles.
var admonitions = map[string]string{
	"attention": "Attention", "caution": "Caution", "danger": "Danger", "error": "Error", "hint": "Hint", "important": "Important",
	"note": "Note", "tip": "Tip", "warning": "Warning", "seealso": "See also", "deprecated": "Deprecated", "versionadded": "New in version", "versionchanged": "Changed in version",
}

func (b *blocks) directive(name, argument string, body, source []string) {
	opts, content := split(body)
	title, admonition := admonitions[name]
	switch {
	case admonition:
		if strings.HasPrefix(name, "version") || name == "deprecated" {
			title, argument = strings.TrimSpace(title+" "+argument), ""
		}
		b.admonition(title, argument, content)
	case name == "admonition" || name == "topic" || name == "sidebar":
		b.admonition(argument, opts["subtitle"], content)
	case name == "code" || name == "code-block" || name == "sourcecode" || name == "parsed-literal" || name == "math" || name == "doctest":
		if argument != "" && (name == "math" || name == "parsed-literal") {
			content = append([]string{argument}, content...)
		}
		b.literal(content)
	case name == "image":
		b.tag("p", picture(argument, opts))
	case name == "figure":
		b.tag("div", picture(argument, opts)+b.nested(content))
	case name == "rubric":
		b.tag("p", "<strong>"+b.inline(argument)+"</strong>")
	case name == "container" || name == "compound" || name == "epigraph" || name == "highlights" || name == "pull-quote" || name == "centered":
		b.tag("div", b.nested(append([]string{""}, content...)))
	case name == "contents":
		if _, local := opts["local"]; argument == "" && !local {
			argument = "Contents"
		}
		b.contents(argument)
	case name == "sectnum" || name == "section-numbering":
		b.doc.sectionNumber = []int{}
	case name == "class" || name == "default-role" || name == "role" || name == "meta" || name == "highlight" || name == "target-notes":
		// These have no text of their own.
		if name == "class" {
			b.out.WriteString(b.nested(content))
		}
	case name == "list-table":
		b.listTable(argument, opts, content)
	case name == "table":
		if argument != "" {
			b.text(argument)
		}
		b.out.WriteString(b.nested(content))
	default:
		b.literal(source)
	}
}

// contents makes a place for the table of contents. A text has one.
func (b *blocks) contents(title string) {
	if b.doc.contentsAsked {
		return
	}
	b.doc.contentsAsked = true
	if title != "" {
		b.tag("p", "<strong>"+b.inline(title)+"</strong>")
	}
	b.out.WriteString(contentsHere)
}

// split parts the options at the beginning of a directive's body from its content.
func split(body []string) (map[string]string, []string) {
	n := 0
	for n < len(body) && fieldLine.MatchString(body[n]) && leading(body[n]) == 0 {
		n++
	}
	opts := options(body[:n], -1)
	for n < len(body) && n > 0 && body[n] != "" && leading(body[n]) > 0 { // an option that goes on
		n++
	}
	return opts, dedent(body[n:])
}

func (b *blocks) admonition(title, first string, content []string) {
	if first != "" {
		content = append([]string{first}, content...)
	}
	b.out.WriteString("<blockquote><p><strong>" + b.inline(title) + "</strong></p>" + b.nested(content) + "</blockquote>\n")
}
