// Package audit is the audit log of an index: each change, its actor, and each refusal.
//
// A change and its entry are written in one transaction, so neither exists without the other. Entries contain
// identifiers and claims, never a token, a password or a key.
package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"
)

// Outcome is the result of a request.
type Outcome string

// The two outcomes.
const (
	Granted Outcome = "granted"
	Refused Outcome = "refused"
)

// Actor is the caller of a request. Kind is a value of access.Kind. ID and Name are empty for an anonymous caller.
type Actor struct {
	Kind, ID, Name string
	TokenID        string // id of the API token used, if any
	Address        string // IP address of the client, without port
	RequestID      string // id of the request in the server's log
}

// Entry is one entry of the audit log. Fields that do not apply are empty.
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
	Subject    string         // id or name of the changed thing, if none of the above
	Detail     map[string]any // JSON: reason, claims, expected and got
	More       int            // number of further refusals in the same minute; see OncePerMinute
}

// OncePerMinute returns e with an ID for Rows.CountAudit. All refusals of the same action, network and kind within a
// minute share that ID. Strangers cause such entries, and must not be able to fill the audit log.
func (e Entry) OncePerMinute(network, kind string) Entry {
	key := fmt.Sprintf("%s\n%s\n%s\n%d", e.Action, network, kind, e.At.Unix()/60)
	e.ID = fmt.Sprintf("refused-%x", sha256.Sum256([]byte(key)))[:40]
	return e
}

// Rows stores entries. They are kept for the time that Keep specifies. Entries of token exchanges, which strangers
// cause, have a limit of their own (publishers.Options.KeepExchanges).
type Rows interface {
	// InsertAudit adds e in the current transaction.
	InsertAudit(ctx context.Context, e Entry) error
	// CountAudit adds an entry of OncePerMinute. If its ID exists already, CountAudit instead increments More of the
	// existing entry, and appends the subject while there is room. Subjects must be names without blanks.
	CountAudit(ctx context.Context, e Entry) error
	// DeleteAuditBefore deletes at most limit of the oldest entries of an outcome from before t; an empty outcome means
	// any. It returns how many it deleted.
	DeleteAuditBefore(ctx context.Context, outcome Outcome, t time.Time, limit int) (int64, error)
	// Entries returns the entries that match f, newest first.
	Entries(ctx context.Context, f Filter) ([]Entry, error)
}

// Network returns the /24 of an IPv4 address or the /56 of an IPv6 address. That is the range that one attacker can use
// at little cost. It returns any other text unchanged.
func Network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 24
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 56
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return address
	}
	return p.String()
}
