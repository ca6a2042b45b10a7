package dist

import (
	"strconv"
	"strings"
)

// quoted is how much of a stranger's text a message repeats.
const quoted = 100

// quote shows s in a message: in double quotes, with what a terminal should not see escaped, and never long.
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

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
