// Package audit is the record of what was done to an index, by whom, and of what was refused.
//
// A granted change and its entry are written in one transaction, so neither exists without the other. Entries hold
// identifiers and claims, never a token, a password or a key.
package audit

import (
	"context"
	"time"
)

// Outcome says whether what was asked for happened.
type Outcome string

// The two outcomes.
const (
	Granted Outcome = "granted"
	Refused Outcome = "refused"
)

// Actor is who asked. Kind is one of the words of access.Kind; ID and Name are empty for nobody.
type Actor struct {
	Kind, ID, Name string
	TokenID        string // the API token used, if one was
	Address        string // the peer's IP address, without port
	RequestID      string // the request's id in the log
}

// Entry is one line of the record. Fields that do not apply are empty.
type Entry struct {
	ID         string
	At         time.Time
	Action     string // noun.verb: "file.add", "token.revoke", "publisher.exchange"
	Outcome    Outcome
	Actor      Actor
	Repository string // repository id
	Project    string // normal project name
	Version    string
	Filename   string
	Subject    string         // the id or name of what was changed, where it is none of the above
	Detail     map[string]any // JSON: reason, claims, expected and got
}

// Rows is where entries are kept. Entries are only ever added, save that exchanges of identity tokens, which strangers
// cause, are forgotten after a while (publishers.Options.KeepExchanges).
type Rows interface {
	// InsertAudit adds e in the transaction at hand.
	InsertAudit(ctx context.Context, e Entry) error
	// Entries returns the entries that f asks for, newest first.
	Entries(ctx context.Context, f Filter) ([]Entry, error)
}
