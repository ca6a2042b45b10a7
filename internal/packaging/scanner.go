package packaging

import "strings"

type scanner struct{ rest string }

// blanks skips white space as defined by PEP 508, which does not include line breaks.
func (sc *scanner) blanks() { sc.rest = strings.TrimLeft(sc.rest, " \t") }

func (sc *scanner) take(text string) bool {
	rest, ok := strings.CutPrefix(sc.rest, text)
	sc.rest = rest
	return ok
}

// word skips text if it comes next and is not followed by a letter, digit or underscore.
func (sc *scanner) word(text string) bool {
	rest, ok := strings.CutPrefix(sc.rest, text)
	if !ok || rest != "" && isWord(rest[0]) {
		return false
	}
	sc.rest = rest
	return true
}

// identifier reads a name of letters, digits and separators. Like packaging, it leaves out "." and "-" at its end.
func (sc *scanner) identifier() string {
	if sc.rest == "" || !isAlnum(sc.rest[0]) {
		return ""
	}
	n := spanOf(sc.rest, func(c byte) bool { return isAlnum(c) || isSeparator(c) })
	name := strings.TrimRight(sc.rest[:n], ".-")
	sc.rest = sc.rest[len(name):]
	return name
}

// closing expects the bracket. what names the bracketed part in the error.
func (sc *scanner) closing(bracket, what string) string {
	sc.blanks()
	if sc.take(bracket) {
		return ""
	}
	if sc.rest == "" {
		return what + " must be closed with " + bracket
	}
	return what + " must be followed by a comma or " + bracket + ", not by " + quote(sc.rest)
}
