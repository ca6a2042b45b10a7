// Package audit is the record of what was done to an index, by whom, and of what was refused.
//
// A granted change and its entry are written in one transaction, so neither exists without the other. Entries hold
// identifiers and claims, never a token, a password or a key.
package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
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
	More       int            // how many further refusals of the same minute it stands for; see OncePerMinute
}

// OncePerMinute returns e for Rows.CountAudit, with an ID that all refusals of its action which a network causes in the
// same minute share, if they are of the same kind. Strangers cause such entries, and cannot fill the record with them.
func (e Entry) OncePerMinute(network, kind string) Entry {
	key := fmt.Sprintf("%s\n%s\n%s\n%d", e.Action, network, kind, e.At.Unix()/60)
	e.ID = fmt.Sprintf("refused-%x", sha256.Sum256([]byte(key)))[:40]
	return e
}

// Rows is where entries are kept. Entries are added, and forgotten after as long as Keep says; exchanges of identity
// tokens, which strangers cause, after a while of their own (publishers.Options.KeepExchanges).
type Rows interface {
	// InsertAudit adds e in the transaction at hand.
	InsertAudit(ctx context.Context, e Entry) error
	// CountAudit is InsertAudit for an entry of OncePerMinute. If its ID is there already, that entry stands for one more,
	// and its Subject names this one's subject too, as far as there is room; the subjects are names without blanks.
	CountAudit(ctx context.Context, e Entry) error
	// DeleteAuditBefore forgets the oldest entries of an outcome, "" for both, from before t: at most limit of them. It
	// returns how many there were.
	DeleteAuditBefore(ctx context.Context, outcome Outcome, t time.Time, limit int) (int64, error)
	// Entries returns the entries that f asks for, newest first.
	Entries(ctx context.Context, f Filter) ([]Entry, error)
}

// Network is an IPv4 address's /24, or an IPv6 address's /56: what one attacker has for little money.
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
