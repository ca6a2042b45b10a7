// Package server puts tables of routes on a web framework and does what is true of every request.
//
// It guarantees: a handler runs only after the route's credential rule and rate limit said yes; path values are
// decoded exactly once and hold no slash, backslash, percent sign, control character or dot segment; each request
// leaves one line in the log, without credentials and query; a panic is a 500 with a request id; a body that stands
// still ends. A peer's word about the client's address, host or scheme counts only where the peer is configured.
//
// It does not guarantee that a caller may do what a handler does: catalog and publishers ask that themselves. Cookies
// are never looked at here.
package server
