package simpleapi

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendPath appends s as one path segment. It escapes everything except the unreserved characters of RFC 3986. That
// includes "+", which clients send both escaped and unescaped, and which some decoders read as a blank.
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

// htmlEntities replace the characters that end a text or a quoted attribute, or that an HTML parser would change.
var htmlEntities = [128]string{
	'&':  "&amp;",
	'<':  "&lt;",
	'>':  "&gt;",
	'"':  "&#34;",
	'\'': "&#39;",
	'\r': "&#13;",
	0:    "\uFFFD",
}

// appendHTML appends s as text or as an attribute in double quotes. Invalid UTF-8 becomes U+FFFD.
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

// jsonSafe marks the bytes that need no escaping in a JSON string. All other bytes, including non-ASCII, take the slow
// path.
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
	for _, r := range s { // invalid UTF-8 yields U+FFFD
		dst = appendJSONRune(dst, r)
	}
	return dst
}

// appendJSONRune escapes the characters that RFC 8259 requires, and the two separators that older JavaScript treats as
// line ends.
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
