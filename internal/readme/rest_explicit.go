package readme

import (
	"html"
	"regexp"
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
	body := b.indentedBody()
	source := b.lines[from:b.at]
	switch {
	case substitutionLine.MatchString(first), anonymousLine.MatchString(first): // found by collect
	case directiveLine.MatchString(first):
		m := directiveLine.FindStringSubmatch(first)
		b.directive(strings.ToLower(m[1]), m[2], body, source)
	case footnoteLine.MatchString(first):
		m := footnoteLine.FindStringSubmatch(first)
		b.footnote(m[1], append([]string{m[2]}, body...))
	case targetLine.MatchString(first):
		m := targetLine.FindStringSubmatch(first)
		if name := strings.Trim(m[1], "`"); m[2] == "" && len(body) == 0 {
			b.out.WriteString(`<span id="` + html.EscapeString(slug(name)) + `"></span>`)
		}
	} // anything else is a comment
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

func (b *blocks) footnote(label string, body []string) {
	label = strings.TrimPrefix(label, "#")
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
		b.admonition(argument, "", content)
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
	case name == "contents" || name == "class" || name == "default-role" || name == "role" || name == "sectnum" || name == "meta" || name == "highlight" || name == "target-notes":
		// These have no text of their own.
		if name == "class" {
			b.out.WriteString(b.nested(content))
		}
	case name == "list-table":
		b.listTable(argument, content)
	case name == "table":
		b.out.WriteString(b.nested(content))
	default:
		b.literal(source)
	}
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
