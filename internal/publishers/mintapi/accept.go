package mintapi

import (
	"net/http"

	"pyindex/internal/route"
)

// The types of answers.
const (
	typeJSON      = "application/json"
	typeProblem   = "application/problem+json"          // RFC 9457
	typeDiscovery = "application/vnd.pypi.pytp.v1+json" // PEP 807
)

// acceptsDiscovery reports whether an answer of discovery fits; without Accept it does.
func acceptsDiscovery(r *http.Request) bool {
	ranges := route.ParseAccept(r.Header.Values("Accept"))
	return ranges == nil || ranges.Quality(typeDiscovery) > 0
}

// wantsProblem reports whether a failure shall be a problem: where Accept names that type, or the one of PEP 807, whose
// errors are problems. Clients of today name neither and get what they always got.
func wantsProblem(r *http.Request) bool {
	ranges := route.ParseAccept(r.Header.Values("Accept"))
	q := max(ranges[typeProblem], ranges[typeDiscovery])
	return q > 0 && q >= ranges[typeJSON]
}
