package packaging

import (
	"strconv"
	"strings"
	"unicode"
)

const quoted = 100

// quote formats s for a message: in double quotes, escaped and truncated.
func quote(s string) string {
	if len(s) > quoted {
		s = strings.ToValidUTF8(s[:quoted], "") + "..."
	}
	return strconv.Quote(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

func isSeparator(c byte) bool { return c == '-' || c == '_' || c == '.' }

func isWord(c byte) bool { return isAlnum(c) || c == '_' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// spanOf returns the number of leading bytes of s that satisfy is.
func spanOf(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func digitsAt(s string) int { return spanOf(s, isDigit) }

func alnumsAt(s string) int { return spanOf(s, isAlnum) }

func isDigits(s string) bool { return s != "" && digitsAt(s) == len(s) }

func separatorAt(s string) int {
	if s != "" && isSeparator(s[0]) {
		return 1
	}
	return 0
}

// hasPrefixFold is strings.HasPrefix for a lower-case ASCII prefix that ignores the case of s.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// trimSpace trims like Python's str.strip, which also trims the four ASCII separators that Go's does not.
func trimSpace(s string) string { return strings.TrimFunc(s, isSpace) }

func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }
