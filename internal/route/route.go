// Package route describes the routes of an edge: rows of method, path, credential rule and handler.
//
// The program does not start if a row lacks a credential rule, or if it writes without a credential and has no rate
// limit. This package does not depend on a web framework; internal/server mounts the tables on one.
package route

import (
	"fmt"
	"net/http"
	"strings"

	"pyindex/internal/access"
)

// Auth specifies which credential a route requires.
type Auth uint8

// These are the credential rules. The zero Auth is undecided, and Check rejects it.
const (
	Undecided Auth = iota
	Open           // credentials are ignored; the handler gets the zero Caller
	Reader         // an API token; optional on a public index
	Writer         // an API token; without a valid one the response is 401
	Feed           // an API token, or the session of a browser without one; as Reader otherwise. Only for GET
	Visitor        // a session if there is one; anonymous users are admitted even on a private index, e.g. to sign in
	Page           // a session; optional on a public index. Tokens are ignored
	Signed         // a session; without one the error is fault.Unauthenticated
	Scraper        // the metrics token, or an API token of an administrator; otherwise the address does not exist
)

var authNames = [...]string{"undecided", "open", "reader", "writer", "feed", "visitor", "page", "signed", "scraper"}

// Session reports whether the credential is a session, that is, whether the route is meant for browsers.
func (a Auth) Session() bool { return a >= Visitor && a <= Signed }

// Anonymous reports whether a request without a credential may reach the handler.
func (a Auth) Anonymous() bool {
	return a == Open || a == Reader || a == Feed || a == Visitor || a == Page
}

// String returns the rule in one word, for the golden table.
func (a Auth) String() string { return authNames[a] }

// Decider tells who decides what a caller learns of a file that is held or denied.
type Decider uint8

// These are the deciders. The zero Decider is unmarked; a test fails for such a route.
const (
	Unmarked Decider = iota
	ByPolicy         // package resolve decides: such a file is named with the reason only, and not served
	AsKept           // files are named as they are kept, to those who manage them, and none is served
	NoFiles          // no file is named or served
)

var deciderNames = [...]string{"unmarked", "policy", "as kept", "no files"}

// String returns the decider, for the golden table.
func (d Decider) String() string { return deciderNames[d] }

// Mark marks the rows that are not marked yet, and returns them.
func (d Decider) Mark(rows []Route) []Route {
	for i := range rows {
		if rows[i].Decides == Unmarked {
			rows[i].Decides = d
		}
	}
	return rows
}

// Limit names a rate limit that applies to each client network. "" means no limit.
type Limit string

// These limits are set in the configuration.
const (
	LimitUpload Limit = "upload"
	LimitMint   Limit = "mint"   // exchanges of identity tokens
	LimitBurn   Limit = "burn"   // early revocation of minted tokens
	LimitLeak   Limit = "leak"   // reports of leaked tokens
	LimitQuery  Limit = "query"  // questions that are posted and change nothing
	LimitSignIn Limit = "signin" // requests before sign-in; not applied to signed-in users
)

// OnlyRefused reports whether only refused requests use up the limit. Strangers' requests of these kinds are never
// granted.
func (l Limit) OnlyRefused() bool { return l == LimitMint || l == LimitLeak }

// Handler writes the response or returns an error, which the table's Fail writes. It must not return an error after it
// has written part of the response.
type Handler func(w http.ResponseWriter, r *http.Request, who access.Caller) error

// Rest is the name of the parameter for the rest of a path, which may contain slashes.
const Rest = "*"

// Route is a row. Path begins with '/', with parameters written as ":name", and may end in Rest. Handlers read their
// values, decoded once, with r.PathValue. GET rows also serve HEAD.
type Route struct {
	Method, Path string
	Auth         Auth
	Decides      Decider // about files that are held or denied
	Limit        Limit
	Writes       bool // set for a GET or HEAD that changes data; other methods are assumed to
	Handle       Handler
	HostRoot     bool // also mount at the host's root if the base URL has a path, because clients drop the path
	Tree         bool // also mount below /r/:repository/; without that prefix the repository is main
}

// Table is the set of routes of one edge.
type Table struct {
	Name   string // package name of the edge, for the golden table and the log
	Fail   func(w http.ResponseWriter, r *http.Request, err error)
	Routes []Route
	// Guest is set for paths that administrators choose. No row may match a path that a row of another table matches.
	Guest bool
}

// Check returns an error that names the first invalid row, or nil.
func (t Table) Check() error {
	if t.Fail == nil {
		return fmt.Errorf("table %s has no Fail", t.Name)
	}
	for _, r := range t.Routes {
		if r.Auth == Undecided || r.Method == "" || r.Path == "" || r.Path[0] != '/' || r.Handle == nil {
			return fmt.Errorf("table %s: route %s %s is incomplete: method, path, auth and handler are required", t.Name,
				r.Method, r.Path)
		}
		if r.writes() && r.Auth == Feed {
			return fmt.Errorf("table %s: route %s %s writes, but another site may cause its requests", t.Name, r.Method, r.Path)
		}
		if r.writes() && r.Auth.Anonymous() && r.Limit == "" {
			return fmt.Errorf("table %s: route %s %s writes without a credential, so it needs a limit", t.Name, r.Method, r.Path)
		}
	}
	return nil
}

func (r Route) writes() bool {
	return r.Writes || r.Method != http.MethodGet && r.Method != http.MethodHead
}

// ReasonWriter is a response that can send a custom reason phrase. Responses on HTTP/1.1 implement it, because twine
// shows only the phrase unless it runs with --verbose.
type ReasonWriter interface {
	// WriteReason sends the headers set so far, with the status and the ReasonPhrase of message, and then body, which
	// completes the response. If it returns an error, nothing was written.
	WriteReason(status int, message string, body []byte) error
}

// Overlap reports whether some path matches both patterns.
func Overlap(a, b string) bool {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(x), len(y)) {
		if x[i] == Rest || y[i] == Rest {
			return true
		}
		if x[i] != y[i] && !takes(x[i], y[i]) && !takes(y[i], x[i]) {
			return false
		}
	}
	return len(x) == len(y)
}

// takes reports whether one segment of a pattern is a parameter that may be the other segment.
func takes(parameter, segment string) bool {
	return strings.HasPrefix(parameter, ":") && segment != ""
}
