package rest

import (
	"html"
	"strconv"
	"strings"
)

// explicit renders a construct that begins with "..": a directive, footnote, target or comment.
func (b *blocks) explicit() {
	first, from := b.line(0), b.at
	b.at++
	if anonymousLine.MatchString(first) || targetLine.MatchString(first) && !directiveLine.MatchString(first) {
		b.hyperlinkTarget(first)
		return
	}
	if first == ".." && b.line(0) == "" { // an empty comment ends the preceding construct
		return
	}
	body := b.indented()
	if len(body) == 0 {
		b.at = from + 1
	}
	source := b.lines[from:b.at]
	switch {
	case substitutionLine.MatchString(first): // collect has found it
	case directiveLine.MatchString(first):
		m := directiveLine.FindStringSubmatch(first)
		b.directive(strings.ToLower(m[1]), m[2], body, source)
	case footnoteLine.MatchString(first):
		m := footnoteLine.FindStringSubmatch(first)
		b.footnote(m[1], append([]string{m[2]}, body...))
	} // anything else is a comment
}

// hyperlinkTarget skips a target, which ends at an empty line. It adds an anchor for a target without an address.
func (b *blocks) hyperlinkTarget(first string) {
	more := b.until(func(l string) bool { return leading(l) == 0 })
	if m := targetLine.FindStringSubmatch(first); m != nil && m[2] == "" && len(more) == 0 {
		b.out.WriteString(`<span id="` + html.EscapeString(slug(strings.Trim(m[1], "`"))) + `"></span>`)
	}
}

// footnoteCount counts the footnotes without a label of their own.
type footnoteCount struct{ numbered, symbols int }

// numberFootnotes numbers the footnotes labeled "#" or "#name" in their order, and skips numbers already in use.
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

// footnoteLabel returns the displayed label of a footnote or of a reference to it.
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
	id := html.EscapeString(slug(label))
	b.out.WriteString(`<div id="footnote-` + id + `"><p><a href="#footnote-reference-` + id + `">[` +
		html.EscapeString(label) + "]</a></p>" + b.nested(dedent(body)) + "</div>\n")
}

// admonitions maps admonition directives to their titles.
var admonitions = map[string]string{
	"attention": "Attention", "caution": "Caution", "danger": "Danger", "error": "Error", "hint": "Hint",
	"important": "Important", "note": "Note", "tip": "Tip", "warning": "Warning", "seealso": "See also",
	"deprecated":   "Deprecated",
	"versionadded": "New in version", "versionchanged": "Changed in version",
}

// alerts maps admonition directives to the classes of GitHub's alerts. The others are notes.
var alerts = map[string]string{
	"attention": "warning", "caution": "caution", "danger": "caution", "error": "caution", "hint": "tip", "tip": "tip",
	"important": "important", "warning": "warning", "deprecated": "warning",
}

// directives has the functions that render the other known directives, by name.
var directives map[string]func(b *blocks, argument string, opts map[string]string, content []string)

func init() { // not an initializer, because the functions refer to the map for nested directives
	type options = map[string]string
	code := func(b *blocks, language string, _ options, content []string) { b.code(content, language) }
	doctest := func(b *blocks, _ string, _ options, content []string) { b.code(content, "pycon") }
	text := func(b *blocks, argument string, _ options, content []string) {
		if argument != "" {
			content = append([]string{argument}, content...)
		}
		b.literal(content)
	}
	box := func(b *blocks, title string, opts options, content []string) {
		b.admonition("", title, opts["subtitle"], content)
	}
	div := func(b *blocks, _ string, _ options, content []string) {
		b.tag("div", b.nested(append([]string{""}, content...)))
	}
	numbers := func(b *blocks, _ string, _ options, _ []string) { b.doc.sectionNumber = []int{} }
	nothing := func(*blocks, string, options, []string) {} // for directives without text of their own
	directives = map[string]func(*blocks, string, options, []string){
		"admonition": box, "topic": box, "sidebar": box,
		"code": code, "code-block": code, "sourcecode": code, "doctest": doctest,
		"math": text, "parsed-literal": text,
		"container": div, "compound": div, "epigraph": div, "highlights": div, "pull-quote": div, "centered": div,
		"sectnum": numbers, "section-numbering": numbers,
		"default-role": nothing, "role": nothing, "meta": nothing, "highlight": nothing, "target-notes": nothing,
		"class": func(b *blocks, _ string, _ options, content []string) { b.out.WriteString(b.nested(content)) },
		"image": func(b *blocks, address string, opts options, _ []string) { b.tag("p", picture(address, opts)) },
		"rubric": func(b *blocks, title string, _ options, _ []string) {
			b.tag("p", "<strong>"+b.inline(title)+"</strong>")
		},
		"list-table": (*blocks).listTable,
		"contents":   (*blocks).contents,
		"figure": func(b *blocks, address string, opts options, content []string) {
			b.tag("div", picture(address, opts)+b.nested(content))
		},
		"table": func(b *blocks, title string, _ options, content []string) {
			if title != "" {
				b.text(title)
			}
			b.out.WriteString(b.nested(content))
		},
	}
}

// directive renders a directive. An unknown directive is shown as source.
func (b *blocks) directive(name, argument string, body, source []string) {
	if name == "image" || name == "figure" {
		argument, body = addressOf(argument, body)
	}
	opts, content := split(body)
	if title, ok := admonitions[name]; ok {
		if strings.HasPrefix(name, "version") || name == "deprecated" {
			title, argument = strings.TrimSpace(title+" "+argument), ""
		}
		kind := alerts[name]
		if kind == "" {
			kind = "note"
		}
		b.admonition(" alert-"+kind, title, argument, content)
	} else if render, ok := directives[name]; ok {
		render(b, argument, opts, content)
	} else {
		b.literal(source)
	}
}

// addressOf returns the address of a picture, which may begin or continue on the lines before the options, and the rest
// of the body.
func addressOf(argument string, body []string) (address string, rest []string) {
	n := 0
	for n < len(body) && body[n] != "" && !fieldLine.MatchString(body[n]) {
		argument += strings.TrimSpace(body[n])
		n++
	}
	return argument, body[n:]
}

// contents adds the placeholder of the table of contents. A text has only one table of contents.
func (b *blocks) contents(title string, opts map[string]string, _ []string) {
	if b.doc.contentsAsked {
		return
	}
	b.doc.contentsAsked = true
	if _, local := opts["local"]; title == "" && !local {
		title = "Contents"
	}
	if title != "" {
		b.tag("p", "<strong>"+b.inline(title)+"</strong>")
	}
	b.out.WriteString(contentsHere)
}

// split separates the options at the beginning of a directive's body from its content.
func split(body []string) (map[string]string, []string) {
	n := 0
	for n < len(body) && fieldLine.MatchString(body[n]) && leading(body[n]) == 0 {
		n++
	}
	opts := options(body[:n], -1)
	for n < len(body) && n > 0 && body[n] != "" && leading(body[n]) > 0 { // continuation of an option
		n++
	}
	return opts, dedent(body[n:])
}

func (b *blocks) admonition(class, title, first string, content []string) {
	if first != "" {
		content = append([]string{first}, content...)
	}
	b.out.WriteString(`<aside class="alert` + class + `"><p class="alert-title">` + b.inline(title) + "</p>" +
		b.nested(content) + "</aside>\n")
}
