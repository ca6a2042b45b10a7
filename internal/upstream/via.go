package upstream

import (
	"context"
	"slices"
	"strings"
)

// maxVisited is how many other index servers a request may have passed through before this one.
const maxVisited = 3

// pseudonym begins the name by which an index server enters itself in a Via header. The rest is its instance id.
const pseudonym = "index-"

// maxLimited is how many servers a LimitedHeader may name.
const maxLimited = 10

// maxInstance is the length of an instance id, in bytes.
const maxInstance = 64

// LimitedHeader is the header of an answer for which index servers asked none of their upstreams, because the request
// had passed through them before, or through too many others. Its value are their instance ids. The answer may lack
// what another request would get, so nobody but those servers may take it for complete: any caller can send a Via
// header.
const LimitedHeader = "X-Index-Limited"

// Visited lists the instance ids of the index servers that a request has passed through, the first one first. Servers
// that read from one another in a circle, or in a long chain, recognize it by this list.
type Visited []string

// ParseVia returns the index servers that the values of a request's Via header name (RFC 9110, section 7.6.3). Other
// programs, such as load balancers, are left out, and so are ids that no index server has.
func ParseVia(values []string) Visited {
	var out Visited
	for _, value := range values {
		for element := range strings.SplitSeq(uncommented(value), ",") {
			if f := strings.Fields(element); len(f) > 1 { // protocol and name
				if id, ours := strings.CutPrefix(strings.ToLower(f[1]), pseudonym); ours && isInstance(id) {
					out = append(out, id)
				}
			}
		}
	}
	return out
}

// isInstance reports whether s can be the id of an index server. Any caller can send a Via header, and what is taken
// from it is sent to upstreams.
func isInstance(s string) bool {
	odd := strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	return s != "" && len(s) <= maxInstance && !odd
}

// uncommented returns the value of a header without its comments, which are in parentheses that may nest.
func uncommented(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var b strings.Builder
	depth, escaped := 0, false
	for _, r := range s {
		switch {
		case escaped:
			escaped = false
		case depth > 0 && r == '\\':
			escaped = true
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// MayAsk reports whether a request may lead to a question to an upstream. It may not if it has passed through the
// server with the given id before, or through more than three others: such a request is answered from the server's own
// names.
func (v Visited) MayAsk(instance string) bool {
	return len(v) <= maxVisited && !slices.Contains(v, strings.ToLower(instance))
}

// Via returns the value of the Via header of a question that the server with the given id asks because of the request.
func (v Visited) Via(instance string) string {
	var b strings.Builder
	for _, id := range append(slices.Clone(v), strings.ToLower(instance)) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString("1.1 " + pseudonym + id)
	}
	return b.String()
}

// ParseLimited returns the index servers that the values of a LimitedHeader name, without the one with the given id:
// what that one would have asked, it asks itself.
func ParseLimited(values []string, instance string) Visited {
	var out Visited
	for _, value := range values {
		for id := range strings.SplitSeq(value, ",") {
			id = strings.ToLower(strings.TrimSpace(id))
			if isInstance(id) && id != strings.ToLower(instance) && !slices.Contains(out, id) && len(out) < maxLimited {
				out = append(out, id)
			}
		}
	}
	return out
}

// Limited returns the value of a LimitedHeader for the servers.
func (v Visited) Limited() string { return strings.Join(v, ", ") }

// Within reports whether all servers of v are among those of other.
func (v Visited) Within(other Visited) bool {
	return !slices.ContainsFunc(v, func(id string) bool { return !slices.Contains(other, id) })
}

type visitedKey struct{}

// WithVisited returns a context for work on a request that has passed through other index servers.
func WithVisited(ctx context.Context, v Visited) context.Context {
	return context.WithValue(ctx, visitedKey{}, v)
}

// VisitedOf returns the value given to WithVisited, or nil.
func VisitedOf(ctx context.Context) Visited {
	v, _ := ctx.Value(visitedKey{}).(Visited)
	return v
}
