package legacyupload

import (
	"strings"

	"pyindex/internal/route"
)

// The content types of a refusal, in order of preference. uv compares the JSON type literally, so it has no parameters.
const (
	typePlain = "text/plain; charset=utf-8"
	typeJSON  = "application/json"
	typeHTML  = "text/html; charset=utf-8"
)

// chooseType returns the preferred content type of an Accept header, or plain text if it excludes all: the client must
// always see the refusal.
func chooseType(accept string) string {
	best, quality := typePlain, 0
	for _, t := range []string{typePlain, typeJSON, typeHTML} {
		kind, _, _ := strings.Cut(t, ";")
		if q := route.Quality([]string{accept}, kind); q > quality {
			best, quality = t, q
		}
	}
	return best
}
