package mintapi

import (
	"net/http"
	"strings"

	"pyindex/internal/route"
)

// The content types of responses.
const (
	typeJSON      = "application/json"
	typeProblem   = "application/problem+json"          // RFC 9457
	typeDiscovery = "application/vnd.pypi.pytp.v1+json" // PEP 807
)

// acceptsDiscovery reports whether the client accepts a discovery document. A client without an Accept header does.
func acceptsDiscovery(r *http.Request) bool {
	lines := r.Header.Values("Accept")
	return strings.Join(lines, "") == "" || route.Quality(lines, typeDiscovery) > 0
}

// wantsProblem reports whether a failure is sent as a problem: if Accept names that type, or the type of PEP 807, whose
// errors are problems. Existing clients name neither.
func wantsProblem(r *http.Request) bool {
	lines := r.Header.Values("Accept")
	problem, _ := route.Named(lines, typeProblem)
	discovery, _ := route.Named(lines, typeDiscovery)
	plain, _ := route.Named(lines, typeJSON)
	q := max(problem, discovery)
	return q > 0 && q >= plain
}
