package readme

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline renders the markup within a paragraph.
type inline struct {
	doc *document
	out strings.Builder
}

var (
	roleBefore  = regexp.MustCompile("^:([a-zA-Z][a-zA-Z0-9:+._-]*):`([^`]+)`")
	linkText    = regexp.MustCompile("^`((?:[^`\\\\]|\\\\.)+?)`(__|_)")
	embeddedURL = regexp.MustCompile(`(?s)^(.*?)\s*<([^<>]+)>$`)
	wordLink    = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?)(__|_)(?:[^A-Za-z0-9_]|$)`)
	footnoteRef = regexp.MustCompile(`^\[(#?[A-Za-z0-9_.-]*|\*)\]_`)
	substituted = regexp.MustCompile(`^\|([^|\s](?:[^|]*[^|\s])?)\|(__|_)?`)
	bareURL     = regexp.MustCompile(`^(?:https?://|mailto:)[^\s<>"\x60]+`)
)

func (in *inline) render(s string) string {
	before := ' '
	for s != "" {
		n := 0
		if opens(before) {
			n = in.markup(s)
		}
		if n > 0 {
			before, _ = utf8.DecodeLastRuneInString(s[:n])
			s = s[n:]
			continue
		}
		c, size := utf8.DecodeRuneInString(s)
		if c == '\\' && len(s) > 1 {
			next, width := utf8.DecodeRuneInString(s[1:])
			if !unicode.IsSpace(next) {
				in.out.WriteString(html.EscapeString(string(next)))
			}
			before, s = next, s[1+width:]
			if unicode.IsSpace(next) {
				before = ' '
			}
			continue
		}
		in.out.WriteString(html.EscapeString(string(c)))
		before, s = c, s[size:]
	}
	return in.out.String()
}

// opens reports whether markup may begin after a character.
func opens(c rune) bool {
	return unicode.IsSpace(c) || strings.ContainsRune(`'"([{<-/:`, c) || c > 127 && unicode.IsPunct(c)
}

// markup renders what s begins with and returns how much of it that was, or 0.
func (in *inline) markup(s string) int {
	switch s[0] {
	case '`':
		if strings.HasPrefix(s, "``") {
			return in.between(s, "``", "code", true)
		}
		return in.interpreted(s)
	case '*':
		if strings.HasPrefix(s, "**") {
			return in.between(s, "**", "strong", false)
		}
		return in.between(s, "*", "em", false)
	case ':':
		if m := roleBefore.FindStringSubmatch(s); m != nil {
			in.role(m[1], m[2])
			return len(m[0])
		}
	case '[':
		if m := footnoteRef.FindStringSubmatch(s); m != nil {
			label := strings.TrimPrefix(m[1], "#")
			fmt.Fprintf(&in.out, `<a href="#footnote-%s">[%s]</a>`, html.EscapeString(slug(label)), html.EscapeString(label))
			return len(m[0])
		}
	case '|':
		return in.substitute(s)
	case '_':
		if strings.HasPrefix(s, "_`") {
			if end := strings.IndexByte(s[2:], '`'); end > 0 {
				in.out.WriteString(html.EscapeString(s[2 : 2+end]))
				return end + 3
			}
		}
	}
	return in.word(s)
}

// between renders what stands between two equal marks, which touch the text.
func (in *inline) between(s, mark, tag string, verbatim bool) int {
	n := len(mark)
	if len(s) <= 2*n || s[n] == ' ' || s[n] == '\n' {
		return 0
	}
	for from := n + 1; ; {
		end := strings.Index(s[from:], mark)
		if end < 0 {
			return 0
		}
		end += from
		if s[end-1] != ' ' && s[end-1] != '\n' && (verbatim || s[end-1] != '\\') && closes(s[end+n:]) {
			in.write(tag, s[n:end], verbatim)
			return end + n
		}
		from = end + 1
	}
}

// closes reports whether markup may end before s.
func closes(s string) bool {
	c, _ := utf8.DecodeRuneInString(s)
	return s == "" || unicode.IsSpace(c) || strings.ContainsRune(`'")]}>-/:.,;!?\`, c) || c > 127 && unicode.IsPunct(c)
}

func (in *inline) write(tag, text string, verbatim bool) {
	if !verbatim {
		text = unescape(text)
	}
	in.out.WriteString("<" + tag + ">" + html.EscapeString(text) + "</" + tag + ">")
}

// unescape removes the backslashes of a text.
func unescape(s string) string {
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

// interpreted renders `text`_, `text <address>`_, `text` and `text`:role:.
func (in *inline) interpreted(s string) int {
	if m := linkText.FindStringSubmatch(s); m != nil && closes(s[len(m[0]):]) {
		text := m[1]
		if e := embeddedURL.FindStringSubmatch(text); e != nil {
			in.link(e[1], in.address(e[2]))
		} else if m[2] == "__" {
			in.link(text, in.anonymous())
		} else {
			in.link(text, in.target(text))
		}
		return len(m[0])
	}
	end := strings.IndexByte(s[1:], '`')
	if end <= 0 || s[1] == ' ' {
		return 0
	}
	text, rest := s[1:1+end], s[end+2:]
	if m := regexpRoleAfter.FindString(rest); m != "" {
		in.role(strings.Trim(m, ":"), text)
		return end + 2 + len(m)
	}
	if !closes(rest) {
		return 0
	}
	in.write("cite", text, false)
	return end + 2
}

var regexpRoleAfter = regexp.MustCompile(`^:[a-zA-Z][a-zA-Z0-9:+._-]*:`)

// role renders interpreted text by its role. What tools for documentation add has its text shown.
func (in *inline) role(role, text string) {
	switch role {
	case "emphasis", "strong", "sub", "sup", "subscript", "superscript":
		tag := map[string]string{"emphasis": "em", "strong": "strong", "sub": "sub", "sup": "sup", "subscript": "sub", "superscript": "sup"}[role]
		in.write(tag, text, false)
		return
	case "pep", "rfc":
		in.write("span", strings.ToUpper(role)+" "+text, false)
		return
	}
	if e := embeddedURL.FindStringSubmatch(text); e != nil && e[1] != "" {
		text = e[1]
	}
	in.write("code", text, true)
}

func (in *inline) link(text, address string) {
	text = html.EscapeString(unescape(text))
	if address == "" {
		in.out.WriteString(text)
		return
	}
	in.out.WriteString(`<a href="` + html.EscapeString(address) + `">` + text + "</a>")
}

// address is where an embedded address leads: it may name another target.
func (in *inline) address(s string) string {
	if name, ok := strings.CutSuffix(s, "_"); ok && !strings.Contains(s, "://") {
		return in.target(name)
	}
	return strings.Join(strings.Fields(s), "")
}

// target finds where a name leads; a name without a target is taken for a section's.
func (in *inline) target(name string) string {
	for range 10 { // targets may name targets
		address, ok := in.doc.targets[refName(name)]
		if !ok || address == "" {
			return "#" + slug(name)
		}
		if !strings.HasSuffix(address, "_") || strings.Contains(address, "://") {
			return address
		}
		name = strings.Trim(strings.TrimSuffix(address, "_"), "`")
	}
	return ""
}

func (in *inline) anonymous() string {
	if len(in.doc.anonymous) == 0 {
		return ""
	}
	address := in.doc.anonymous[0]
	in.doc.anonymous = in.doc.anonymous[1:]
	return address
}

func (in *inline) substitute(s string) int {
	m := substituted.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	text, ok := in.doc.substitutions[m[1]]
	if !ok {
		return 0
	}
	if m[2] == "_" {
		text = `<a href="` + html.EscapeString(in.target(m[1])) + `">` + text + "</a>"
	}
	in.out.WriteString(text)
	return len(m[0])
}

// word renders links that stand for themselves: an address, or a name with "_" at its end.
func (in *inline) word(s string) int {
	if m := bareURL.FindString(s); m != "" {
		m = strings.TrimRight(m, `.,:;!?'")]}*`)
		in.link(m, m)
		return len(m)
	}
	m := wordLink.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	if m[2] == "__" {
		in.link(m[1], in.anonymous())
	} else if _, ok := in.doc.targets[refName(m[1])]; ok {
		in.link(m[1], in.target(m[1]))
	} else {
		return 0
	}
	return len(m[1]) + len(m[2])
}
