package route

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"
	"unicode"

	"pyindex/internal/fault"
)

// statuses are the statuses of all kinds but fault.Internal.
var statuses = map[fault.Kind]int{
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Invalid:         http.StatusBadRequest,
	fault.Denied:          http.StatusForbidden,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// Status returns the status of a failure of the kind, 500 for fault.Internal. Edges differ from it only if clients of
// their protocol need another.
func Status(k fault.Kind) int { return cmp.Or(statuses[k], http.StatusInternalServerError) }

// maxPhrase bounds a reason phrase, in bytes. It is about a line: twine prints the phrase after the status, and proxies
// bound the line.
const maxPhrase = 200

// ReasonPhrase returns the first sentence of a message as a reason phrase in Latin-1 (RFC 9112, section 4), of at most
// 200 bytes. Control characters become blanks, and characters that are not Latin-1 become '?'.
func ReasonPhrase(message string) []byte {
	line := strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return ' '
		case c > unicode.MaxLatin1:
			return '?'
		}
		return c
	}, message))
	sentence, _, _ := strings.Cut(line, ". ")
	var out []byte
	for _, c := range sentence {
		out = append(out, byte(c))
	}
	if len(out) > maxPhrase {
		out = append(bytes.TrimRight(out[:maxPhrase-3], " "), "..."...)
	}
	return out
}
