// Package server mounts route tables on a web framework and handles everything that is common to all requests.
//
// It guarantees the following. A handler runs only after the credential rule and the rate limit of its route passed.
// Path values are decoded exactly once and contain no slash, backslash, percent sign, control character or dot segment.
// Each request writes one log line, without credentials or query. A panic becomes a 500 with a request id. A stalled
// request body is aborted. Forwarding headers that name the client's address, host or scheme are used only if the peer
// is a configured proxy.
//
// It does not guarantee that the caller may do what a handler does: catalog and publishers check that themselves.
package server
