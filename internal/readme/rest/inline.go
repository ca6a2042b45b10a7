package rest

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline renders the markup within a paragraph. It examines each byte a bounded number of times: it searches the whole
// paragraph for the end of markup, but not again if that end does not occur, and names and addresses have a maximum
// length.
type inline struct {
	doc     *document
	s       string
	at      int
	written int // number of bytes of s that are in out
	before  rune
	out     strings.Builder
	absent  map[string]bool // ends of markup that do not occur from here on
	noMail  int             // end of a run of characters that is not an e-mail address
	noName  int             // end of a run of name characters that is not a reference
	noURL   int             // end of the searched part of a URL that is too long
}

const (
	maxDocument = 99_999 // number of a PEP or RFC

	maxRole    = 64    // bytes of a role's name, and of a footnote's
	maxAddress = 2_000 // bytes of a link's address
	maxMail    = 250   // bytes of each part of an e-mail address
	maxName    = 1_000 // bytes of a substitution's name
	maxOptions = 30    // options of a directive
	maxDepth   = 40    // nested blocks
	maxColumns = 200   // columns of a table

	nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+:-"
)

func (d *document) inline(s string) string {
	in := &inline{doc: d, s: s, before: ' ', absent: map[string]bool{}}
	for in.at < len(s) && d.budget.Step(1) {
		in.next()
	}
	in.flush(len(s))
	return in.out.String()
}

// next renders one piece of markup, or skips one character.
func (in *inline) next() {
	c, size := utf8.DecodeRuneInString(in.s[in.at:])
	if opens(in.before) {
		at := in.at
		if n := in.markup(c); n > 0 {
			in.at, in.written = at+n, at+n
			in.before, _ = utf8.DecodeLastRuneInString(in.s[:in.at])
			return
		}
	}
	if c != '\\' || in.at+1 == len(in.s) {
		in.before, in.at = c, in.at+size
		return
	}
	in.flush(in.at)
	next, width := utf8.DecodeRuneInString(in.s[in.at+1:])
	in.before, in.at = next, in.at+1+width
	in.written = in.at - width
	if unicode.IsSpace(next) { // an escaped space separates markup from text and is not shown
		in.written = in.at
	}
}

func (in *inline) flush(to int) {
	in.write(html.EscapeString(in.s[in.written:to]))
	in.written = to
}

func (in *inline) write(s string) {
	if in.doc.budget.Write(len(s)) {
		in.out.WriteString(s)
	}
}

// opens reports whether markup may begin after c.
func opens(c rune) bool {
	return unicode.IsSpace(c) || strings.ContainsRune(`'"([{<-/:`, c) || c > 127 && unicode.IsPunct(c)
}

// closes reports whether markup may end before s.
func closes(s string) bool {
	c, _ := utf8.DecodeRuneInString(s)
	return s == "" || unicode.IsSpace(c) || strings.ContainsRune(`'")]}>-/:.,;!?\`, c) || c > 127 && unicode.IsPunct(c)
}

// markup renders the markup at the current position and returns its length, or 0 if there is none.
func (in *inline) markup(c rune) int {
	s := in.s[in.at:]
	switch {
	case strings.HasPrefix(s, "``"):
		return in.between("``", "code")
	case c == '`':
		return in.interpreted(s)
	case strings.HasPrefix(s, "**"):
		return in.between("**", "strong")
	case c == '*':
		return in.between("*", "em")
	case c == ':':
		return in.prefixed(s)
	case c == '[':
		return in.footnote(s)
	case c == '|':
		return in.substitute(s)
	case strings.HasPrefix(s, "_`"):
		if end := in.closing(2); end > 0 {
			in.flush(in.at)
			in.write(`<span id="` + html.EscapeString(slug(s[2:end])) + `">` + html.EscapeString(unescape(s[2:end])) + "</span>")
			return end + 1
		}
		return 0
	}
	if n := in.url(s); n > 0 {
		return n
	}
	if n := in.mail(s); n > 0 {
		return n
	}
	return in.reference(s)
}

// between renders text between two equal marks, without spaces next to the marks.
func (in *inline) between(mark, tag string) int {
	s, n := in.s[in.at:], len(mark)
	if in.absent[mark] || len(s) <= 2*n || isBlank(s[n]) || in.quoted(s[n]) {
		return 0
	}
	for from := n + 1; ; {
		i := strings.Index(s[from:], mark)
		if i < 0 {
			in.absent[mark] = true
			return 0
		}
		end := from + i
		if !isBlank(s[end-1]) && (tag == "code" || s[end-1] != '\\') && closes(s[end+n:]) {
			in.tag(tag, s[n:end])
			return end + n
		}
		from = end + 1
	}
}

// quoted reports whether a mark is alone in quotes or brackets, as in "*" and (*).
func (in *inline) quoted(after byte) bool {
	i := strings.IndexRune(`'"([{<`, in.before)
	return i >= 0 && after == `'")]}>`[i]
}

// tag writes an element with text. It resolves backslash escapes, except in code.
func (in *inline) tag(tag, text string) {
	in.flush(in.at)
	if tag != "code" {
		text = unescape(text)
	}
	in.write("<" + tag + ">" + html.EscapeString(text) + "</" + tag + ">")
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == ' ' || s[i] == '\n' {
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// closing returns the offset of the closing backtick from the current position, or 0. The backtick is not at from and
// not after a space.
func (in *inline) closing(from int) int {
	s := in.s[in.at:]
	if in.absent["`"] || len(s) <= from || isBlank(s[from]) {
		return 0
	}
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '`' && (i == from || isBlank(s[i-1])):
			return 0
		case s[i] == '`':
			return i
		}
	}
	in.absent["`"] = true
	return 0
}

// interpreted renders `text`_, `text <address>`_, `text` and `text`:role:.
func (in *inline) interpreted(s string) int {
	end := in.closing(1)
	if end == 0 {
		return 0
	}
	text, rest := s[1:end], s[end+1:]
	marks := len(rest) - len(strings.TrimLeft(rest[:min(2, len(rest))], "_")) - len(rest[min(2, len(rest)):])
	if marks > 0 && closes(rest[marks:]) {
		in.phrase(text, marks == 2)
		return end + 1 + marks
	}
	if role := roleAt(rest); role != "" && closes(rest[len(role)+2:]) {
		in.role(role, text)
		return end + 1 + len(role) + 2
	}
	if !closes(rest) {
		return 0
	}
	in.tag("cite", text)
	return end + 1
}

// phrase renders a reference with text in backticks.
func (in *inline) phrase(text string, anonymous bool) {
	if label, address, ok := embeddedAddress(text); ok {
		in.link(label, in.address(address))
	} else if anonymous {
		in.link(text, in.doc.nextAnonymous())
	} else {
		in.link(text, in.doc.target(text))
	}
}

// embeddedAddress splits "text <address>". If there is no text, the address is the label.
func embeddedAddress(text string) (label, address string, ok bool) {
	inner, ok := strings.CutSuffix(text, ">")
	i := strings.LastIndexByte(inner, '<')
	if !ok || i < 0 || i+1 == len(inner) || strings.Contains(inner[i:], ">") {
		return "", "", false
	}
	label, address = strings.TrimRight(inner[:i], " \n"), inner[i+1:]
	if label == "" {
		label = address
	}
	return label, address, true
}

// roleAt returns the role that s begins with as ":role:", or "".
func roleAt(s string) string {
	if len(s) < 3 || s[0] != ':' || !isLetter(s[1]) {
		return ""
	}
	end := 1
	for end < len(s) && end <= maxRole &&
		(isLetter(s[end]) || isDigit(s[end]) || strings.IndexByte(":+._-", s[end]) >= 0) {
		end++
	}
	name := s[1:end]
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		return name[:i]
	}
	return ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// prefixed renders :role:`text`.
func (in *inline) prefixed(s string) int {
	role := roleAt(s)
	from := len(role) + 2
	if role == "" || from >= len(s) || s[from] != '`' {
		return 0
	}
	end := in.closing(from + 1)
	if end == 0 {
		return 0
	}
	in.role(role, s[from+1:end])
	return end + 1
}

// roles maps roles to their HTML elements.
var roles = map[string]string{
	"emphasis": "em", "strong": "strong", "sub": "sub", "sup": "sup", "subscript": "sub", "superscript": "sup",
	"title": "cite", "title-reference": "cite", "t": "cite",
}

// role renders interpreted text according to its role. Roles of documentation tools are shown as code.
func (in *inline) role(role, text string) {
	switch tag := roles[role]; {
	case tag != "":
		in.tag(tag, text)
	case role == "pep" || role == "rfc":
		in.document(role, text)
	case role == "raw":
		in.tag("code", text)
	default:
		if label, _, ok := embeddedAddress(text); ok {
			text = label
		}
		in.tag("code", text)
	}
}

// document renders a link to a PEP or an RFC: "8", "8#section" or "text <8>".
func (in *inline) document(role, text string) {
	label, number, explicit := embeddedAddress(text)
	if !explicit {
		number = text
		label, _, _ = strings.Cut(text, "#")
		label = strings.ToUpper(role) + " " + label
	}
	number, fragment, within := strings.Cut(strings.TrimSpace(number), "#")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > maxDocument {
		in.link(label, "")
		return
	}
	address := fmt.Sprintf("https://peps.python.org/pep-%04d/", n)
	if role == "rfc" {
		address = fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d.html", n)
	}
	if within {
		address += "#" + fragment
	}
	in.link(label, address)
}

// footnote renders a reference to a footnote or citation: [1]_, [#name]_, [*]_, [name]_.
func (in *inline) footnote(s string) int {
	end := strings.IndexByte(s[:min(len(s), maxRole)], ']')
	if end < 2 || !strings.HasPrefix(s[end+1:], "_") || !closes(s[end+2:]) {
		return 0
	}
	label := s[1:end]
	if strings.Trim(label, nameCharacters+"#*") != "" {
		return 0
	}
	in.flush(in.at)
	label = in.doc.footnoteLabel(label, &in.doc.footnotesReferred)
	id := html.EscapeString(slug(label)) // of several references to a footnote, the first keeps its ID
	in.write(fmt.Sprintf(`<a id="footnote-reference-%s" href="#footnote-%s">[%s]</a>`, id, id, html.EscapeString(label)))
	return end + 2
}

func (in *inline) link(text, address string) {
	in.flush(in.at)
	text = html.EscapeString(unescape(text))
	if address == "" || len(address) > maxAddress {
		in.write(text)
		return
	}
	in.write(`<a href="` + html.EscapeString(address) + `">` + text + "</a>")
}

// address resolves an embedded address, which may name another target.
func (in *inline) address(s string) string {
	if name, ok := strings.CutSuffix(s, "_"); ok && !strings.Contains(s, "://") {
		return in.doc.target(name)
	}
	return unescape(strings.Join(strings.Fields(s), ""))
}

func (in *inline) substitute(s string) int {
	end := strings.IndexByte(s[1:min(len(s), maxName)], '|') + 1
	if end < 2 || isBlank(s[1]) || isBlank(s[end-1]) {
		return 0
	}
	text, ok := in.doc.substitutions[refName(s[1:end])]
	if !ok {
		return 0
	}
	in.flush(in.at)
	n := end + 1
	address := ""
	switch {
	case strings.HasPrefix(s[n:], "__"):
		n, address = n+2, in.doc.nextAnonymous()
	case strings.HasPrefix(s[n:], "_"):
		n, address = n+1, in.doc.target(s[1:end])
	}
	if address != "" && len(address) <= maxAddress {
		text = `<a href="` + html.EscapeString(address) + `">` + text + "</a>"
	}
	in.write(text)
	return n
}

// url renders a bare URL as a link.
func (in *inline) url(s string) int {
	if in.at < in.noURL ||
		!strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "mailto:") {
		return 0
	}
	end := strings.IndexAny(s[:min(len(s), maxAddress+1)], " \n\t<>\"`")
	switch {
	case end < 0 && len(s) > maxAddress:
		in.noURL = in.at + maxAddress
		return 0
	case end < 0:
		end = len(s)
	}
	address := strings.TrimRight(s[:end], `.,:;!?'")]}*\`)
	in.link(address, address)
	return len(address)
}

const mailCharacters = nameCharacters + "!#$%&'*/=?^`{|}~"

// mail renders an e-mail address as a link.
func (in *inline) mail(s string) int {
	if in.at < in.noMail || !isName(s[0]) {
		return 0
	}
	at := 0
	for at < len(s) && strings.IndexByte(mailCharacters, s[at]) >= 0 {
		at++
	}
	end := at + 1
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end]) || s[end] == '-' || s[end] == '.') {
		end++
	}
	in.doc.budget.Step(end)
	if at == 0 || at == len(s) || s[at] != '@' || at > maxMail || end > at+maxMail {
		in.noMail = in.at + at
		return 0
	}
	address := strings.TrimRight(s[:end], ".-")
	if host := address[at+1:]; !strings.Contains(host, ".") || strings.HasPrefix(host, ".") || !closes(s[len(address):]) {
		in.noMail = in.at + at
		return 0
	}
	in.flush(in.at)
	shown := html.EscapeString(address)
	in.write(`<a href="mailto:` + shown + `">` + shown + "</a>")
	return len(address)
}

// reference renders a name that ends in "_" or "__". Names are letters and digits, separated by single other
// characters.
func (in *inline) reference(s string) int {
	if in.at < in.noName {
		return 0
	}
	end := 0
	for end < len(s) && isName(s[end]) {
		if end++; end+1 < len(s) && strings.IndexByte("-._+:", s[end]) >= 0 && isName(s[end+1]) ||
			end+1 < len(s) && s[end] == '_' && isName(s[end+1]) {
			end++
		}
	}
	in.doc.budget.Step(end)
	name, marks := s[:end], len(s[end:])-len(strings.TrimPrefix(strings.TrimPrefix(s[end:], "_"), "_"))
	if end > 0 && end <= maxName && marks > 0 && closes(s[end+marks:]) {
		if marks == 2 {
			in.link(name, in.doc.nextAnonymous())
			return end + marks
		}
		if _, ok := in.doc.targets[refName(name)]; ok {
			in.link(name, in.doc.target(name))
			return end + marks
		}
	}
	in.noName = in.at + end
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' }
func isName(c byte) bool  { return isLetter(c) || isDigit(c) || c >= utf8.RuneSelf }
