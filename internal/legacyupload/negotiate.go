package legacyupload

import (
	"strings"

	"pyindex/internal/route"
)

// The forms of a refusal, preferred in this order among equals. uv compares the type of JSON literally, so it has no
// parameters.
const (
	typePlain = "text/plain; charset=utf-8"
	typeJSON  = "application/json"
	typeHTML  = "text/html; charset=utf-8"
)

// chooseType returns the form that an Accept header likes best. Whatever it excludes, somebody must learn of the
// refusal, so text is what is left.
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
