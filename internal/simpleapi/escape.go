package simpleapi

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendPath appends s as one segment of a path: all but RFC 3986's unreserved characters escaped. That includes "+",
// which clients ask both ways and some decoders take for a blank.
func appendPath(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; unreserved[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return dst
}

var unreserved = table("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

func table(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return t
}

// htmlEntities replace what ends a text or a quoted attribute, and what a parser of HTML would change by itself.
var htmlEntities = [128]string{
	'&':  "&amp;",
	'<':  "&lt;",
	'>':  "&gt;",
	'"':  "&#34;",
	'\'': "&#39;",
	'\r': "&#13;",
	0:    "\uFFFD",
}

// appendHTML appends s for a text or for an attribute in double quotes. Bytes that are no UTF-8 become U+FFFD.
func appendHTML(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	start := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || htmlEntities[s[i]] == "" {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = append(dst, htmlEntities[s[i]]...)
		start = i + 1
	}
	return append(dst, s[start:]...)
}

// jsonSafe are the characters that stand for themselves in a JSON string here. Nothing but ASCII: the rest takes the
// slow way.
var jsonSafe = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendJSON appends s as a JSON string, as encoding/json writes it without escaping for HTML.
func appendJSON(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if !jsonSafe[s[i]] {
			return append(appendJSONSlow(dst, s), '"')
		}
	}
	return append(append(dst, s...), '"')
}

func appendJSONSlow(dst []byte, s string) []byte {
	for _, r := range s { // a byte that is no UTF-8 comes as U+FFFD
		dst = appendJSONRune(dst, r)
	}
	return dst
}

// appendJSONRune escapes what RFC 8259 demands and the two separators that JavaScript took for ends of lines.
func appendJSONRune(dst []byte, r rune) []byte {
	if short := strings.IndexRune("\"\\\b\f\n\r\t", r); short >= 0 {
		return append(dst, '\\', `"\bfnrt`[short])
	}
	if r < ' ' {
		return append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
	}
	if r == '\u2028' || r == '\u2029' {
		return append(dst, '\\', 'u', '2', '0', '2', hexDigits[r&15])
	}
	return utf8.AppendRune(dst, r)
}
