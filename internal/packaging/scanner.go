package packaging

import "strings"

// scanner reads PEP 508 text from left to right.
type scanner struct{ rest string }

// blanks skips what PEP 508 calls white space: a line break is none.
func (sc *scanner) blanks() { sc.rest = strings.TrimLeft(sc.rest, " \t") }

// take moves past the text if it comes next.
func (sc *scanner) take(text string) bool {
	rest, ok := strings.CutPrefix(sc.rest, text)
	sc.rest = rest
	return ok
}

// word moves past the text if it comes next and no letter, digit or underscore after it.
func (sc *scanner) word(text string) bool {
	rest, ok := strings.CutPrefix(sc.rest, text)
	if !ok || rest != "" && isWord(rest[0]) {
		return false
	}
	sc.rest = rest
	return true
}

// identifier moves past a name of letters, digits and separators; it gives back "." and "-" at its end, which packaging
// does not count to it.
func (sc *scanner) identifier() string {
	if sc.rest == "" || !isAlnum(sc.rest[0]) {
		return ""
	}
	n := spanOf(sc.rest, func(c byte) bool { return isAlnum(c) || isSeparator(c) })
	name := strings.TrimRight(sc.rest[:n], ".-")
	sc.rest = sc.rest[len(name):]
	return name
}

// closing expects the bracket, and complains in words that name what it should have closed.
func (sc *scanner) closing(bracket, what string) string {
	sc.blanks()
	if sc.take(bracket) {
		return ""
	}
	if sc.rest == "" {
		return what + " must be closed with " + bracket
	}
	return what + " go on with " + quote(sc.rest) + " where " + bracket + " or a comma is expected"
}
