package mintapi

import (
	"net/http"
	"strings"

	"pyindex/internal/route"
)

// The types of answers.
const (
	typeJSON      = "application/json"
	typeProblem   = "application/problem+json"          // RFC 9457
	typeDiscovery = "application/vnd.pypi.pytp.v1+json" // PEP 807
)

// acceptsDiscovery reports whether the client accepts a discovery document. Without Accept it does.
func acceptsDiscovery(r *http.Request) bool {
	lines := r.Header.Values("Accept")
	return strings.Join(lines, "") == "" || route.Quality(lines, typeDiscovery) > 0
}

// wantsProblem reports whether a failure is answered as a problem: if Accept names that type, or the type of PEP 807,
// whose errors are problems. Today's clients name neither and get what they always got.
func wantsProblem(r *http.Request) bool {
	lines := r.Header.Values("Accept")
	problem, _ := route.Named(lines, typeProblem)
	discovery, _ := route.Named(lines, typeDiscovery)
	plain, _ := route.Named(lines, typeJSON)
	q := max(problem, discovery)
	return q > 0 && q >= plain
}
