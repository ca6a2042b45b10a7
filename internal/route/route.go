// Package route describes what an edge answers: rows of method, path, who may ask, and the handler.
//
// A row that does not say who may ask stops the program at start, and so does one that writes without a credential and
// has no limit. Nothing here knows a web framework; internal/server puts tables on one.
package route

import (
	"fmt"
	"net/http"

	"pyindex/internal/access"
)

// Auth says which credential a route looks at.
type Auth uint8

// The choices. The zero Auth is "nobody decided", and Check refuses it.
const (
	Undecided Auth = iota
	Open           // no credential is looked at; the handler gets the zero Caller
	Reader         // an API token; on an index that anybody may read, none is needed
	Writer         // an API token; without a valid one the answer is 401
	Visitor        // a session, where there is one; nobody may come too, also on a closed index: to sign in, for example
	Page           // a session; on an index that anybody may read, none is needed. Tokens are not looked at
	Signed         // a session; without one the answer is fault.Unauthenticated
)

var authNames = [...]string{"undecided", "open", "reader", "writer", "visitor", "page", "signed"}

// Session reports whether the credential is a session, and so whether the route is for people's browsers.
func (a Auth) Session() bool { return a >= Visitor }

// Anonymous reports whether a request without a credential may reach the handler.
func (a Auth) Anonymous() bool { return a == Open || a == Reader || a == Visitor || a == Page }

// String returns the choice in a word, for the golden table.
func (a Auth) String() string { return authNames[a] }

// Limit names a rate limit of a route, for each network of clients. Empty for none.
type Limit string

// The limits that the configuration sets.
const (
	LimitUpload Limit = "upload"
	LimitMint   Limit = "mint"   // exchanges of identity tokens
	LimitBurn   Limit = "burn"   // tokens that end before their time
	LimitLeak   Limit = "leak"   // reports of tokens that were found
	LimitSignIn Limit = "signin" // what people do before they are signed in; it does not count for those who are
)

// OnlyRefused reports whether requests that were granted do not count: strangers are never granted these.
func (l Limit) OnlyRefused() bool { return l == LimitMint || l == LimitLeak }

// Handler answers a request or returns the error that the table's Fail shall write. It returns an error only while
// nothing of the answer is written.
type Handler func(w http.ResponseWriter, r *http.Request, who access.Caller) error

// Route is a row. Path begins with '/', with parameters as ":name"; values are read by r.PathValue, decoded once.
// GET rows answer HEAD too.
type Route struct {
	Method, Path string
	Auth         Auth
	Limit        Limit
	Writes       bool // set for a GET that changes rows; every other method is taken to
	Handle       Handler
	HostRoot     bool // also at the host's root when the base URL has a path, because clients drop it
	Tree         bool // also below /r/:repository/ for repositories other than main; "" is main
}

// Table is what one edge answers.
type Table struct {
	Name   string // package name of the edge, for the golden table and the log
	Fail   func(w http.ResponseWriter, r *http.Request, err error)
	Routes []Route
}

// Check returns an error that names the first row which is incomplete.
func (t Table) Check() error {
	if t.Fail == nil {
		return fmt.Errorf("table %s has no Fail", t.Name)
	}
	for _, r := range t.Routes {
		if r.Auth == Undecided || r.Method == "" || r.Path == "" || r.Path[0] != '/' || r.Handle == nil {
			return fmt.Errorf("table %s: route %s %s is incomplete: method, path, auth and handler are needed", t.Name,
				r.Method, r.Path)
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

// ReasonWriter is a response that can send a reason phrase of its own. Responses on HTTP/1.1 implement it; twine shows
// nothing but the phrase unless it is asked to be verbose.
type ReasonWriter interface {
	// WriteReason sends the headers set so far with the status and the message's ReasonPhrase, then body, and ends the
	// answer. If it returns an error, nothing was written.
	WriteReason(status int, message string, body []byte) error
}
