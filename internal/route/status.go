package route

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"
	"unicode"

	"pyindex/internal/fault"
)

// statuses maps all kinds except fault.Internal.
var statuses = map[fault.Kind]int{
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Invalid:         http.StatusBadRequest,
	fault.Denied:          http.StatusForbidden,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.BadGateway:      http.StatusBadGateway,
}

// Status returns the HTTP status for a kind of fault, 500 for fault.Internal. Edges deviate from it only if clients of
// their protocol require another status.
func Status(k fault.Kind) int { return cmp.Or(statuses[k], http.StatusInternalServerError) }

// maxPhrase bounds a reason phrase in bytes. It is about four lines of a terminal: twine prints the phrase after the
// status and shows nothing else, so the advice at the end of a message must fit. Proxies limit a status line to 4 KiB
// or more.
const maxPhrase = 400

// ReasonPhrase returns a message as a reason phrase in Latin-1 (RFC 9112, section 4) of at most 400 bytes. A longer
// message is cut after a sentence, or within its first one. Control characters become blanks, and characters outside
// Latin-1 become '?'.
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
	var out []byte
	for _, c := range line {
		out = append(out, byte(c))
	}
	if len(out) <= maxPhrase {
		return out
	}
	if end := bytes.LastIndex(out[:maxPhrase], []byte(". ")); end > 0 {
		return out[:end+1]
	}
	return append(bytes.TrimRight(out[:maxPhrase-3], " "), "..."...)
}
