// Package lockout revokes everything that a user, a publisher or a token can do, in one action, and lists their
// uploads.
//
// All rights end in one transaction, with one audit entry that lists them. Each quarantined file and each project that
// loses a publisher has its own entry besides. An upload in progress, even at another replica, is rejected at its
// commit, because access.Update rereads the rights there. Tokens, sessions, links, invitations and pending publishers
// cannot be restored. A disabled account can be enabled, a publisher added again, and a file released from quarantine.
package lockout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// Kind is the kind of a target.
type Kind string

// The kinds.
const (
	User      Kind = "user"      // an account, by its name
	Publisher Kind = "publisher" // a trusted publisher, by the id of it, a pending publisher or a reader
	Token     Kind = "token"     // one token, by its id
)

// Target identifies the user, publisher or token to lock out.
type Target struct {
	Kind Kind
	Name string // name or id; see Kind
}

// Request is the input of LockOut.
type Request struct {
	Target
	Since      time.Time // list uploads since then
	Quarantine bool      // quarantine those uploads
	Reason     string    // reason for the quarantine, for administrators
	Force      bool      // lock out even the only active administrator; operator only
}

// Rows are the rows that only a lockout reads.
type Rows interface {
	// MintedFor returns the ids of the unrevoked minted tokens of a publisher or a reader.
	MintedFor(ctx context.Context, id string) ([]string, error)
}

// Tx is the set of rows that a lockout needs in a transaction.
type Tx interface {
	publishers.Tx
	account.Tx
	Rows
}

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of a Desk; Sentence has no default.
type Options struct {
	Now      func() time.Time                  // default time.Now
	NewID    func() string                     // default: access.NewID
	Sentence func(publishers.Publisher) string // describes a publisher, as publishers.Registry.Sentence does
}

// Desk performs lockouts. It is safe for concurrent use, and by several processes on one store.
type Desk struct {
	store Store
	o     Options
}

// New returns the desk over the rows of s.
func New(s Store, o Options) *Desk {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = access.NewID
	}
	return &Desk{store: s, o: o}
}

// Report lists the things that a lockout ends, or ended.
type Report struct {
	Target
	Sentence    string             // description of the target, for display
	Account     string             // name of the user, or of an API token's user
	Already     bool               // the account was disabled already, or the token revoked
	LastAdmin   bool               // the user is the only active administrator
	Tokens      []access.Token     // API tokens and minted tokens that are revoked
	Sessions    int                // the user's sessions
	Links       int                // password links and unfinished sign-ins, of the user or created by the user
	Invitations int                // created by the user
	Pending     []string           // projects that the pending publishers could create
	Projects    []string           // projects, and names of repositories ("acme-* in main"), that lose the publisher
	First       catalog.Project    // the first of Projects
	Unowned     []string           // projects without another active owner
	Readers     int                // reader rules of the same workload
	Uploads     []catalog.Uploaded // since the requested time, newest first, at most catalog.MaxUploads
	Uploaded    int                // total, including uploads omitted from Uploads
	Quarantined int                // number of uploads put into quarantine
	Review      []string           // things that remain and should be reviewed, as sentences
}

// Undo explains how to undo the lockout, as far as possible.
func (t Target) Undo() string {
	const files = " To restore quarantined files, use the Quarantine page or `index quarantine release`."
	switch t.Kind {
	case User:
		return "An administrator can enable the account again. Its tokens, sessions, links, invitations and pending publishers cannot be restored." + files
	case Publisher:
		return "The publisher can be added to each project and repository again. Its tokens cannot be restored." + files
	}
	return "The token cannot be restored; create a new one instead." + files
}

var errDenied = fault.New(fault.Denied, "only an administrator, with a token of scope admin, may perform a lockout")

// Preview returns the report of a lockout without changing anything. It requires an administrator. It returns
// fault.NotFound if the target does not exist, and fault.Conflict for the caller's own account.
func (d *Desk) Preview(ctx context.Context, who access.Caller, t Target, since time.Time) (Report, error) {
	if !who.Admin() {
		return Report{}, errDenied
	}
	var p plan
	err := d.store.View(ctx, func(tx Tx) (err error) {
		if p, err = d.plan(ctx, tx, t, since); err != nil {
			return err
		}
		return p.other(who)
	})
	if err != nil {
		return Report{}, err
	}
	return p.Report, nil
}

// LockOut revokes everything that the target can do, for later requests and for uploads in progress, and returns the
// report. It requires an administrator. It returns fault.NotFound if the target does not exist. It returns
// fault.Conflict for the caller's own account, and for the only active administrator unless the operator sets Force. If
// nothing is left to revoke, it changes and records nothing.
func (d *Desk) LockOut(ctx context.Context, who access.Caller, r Request) (Report, error) {
	if len(r.Reason) > catalog.MaxReason {
		return Report{}, fault.InField("reason", "the reason is too long: it may have %d bytes", catalog.MaxReason)
	}
	e := d.entry(who, "lockout."+string(r.Kind))
	e.Subject = fmt.Sprintf("%.200s", r.Name)
	if !who.Admin() {
		return Report{}, d.refuse(ctx, e, errDenied)
	}
	var p plan
	err := access.Update(ctx, d.store, who, func(tx Tx, who access.Caller) (err error) {
		if !who.Admin() {
			return errDenied
		}
		if p, err = d.plan(ctx, tx, r.Target, r.Since); err != nil {
			return err
		}
		if p.Nothing() && (!r.Quarantine || p.Unquarantined() == 0) {
			return p.other(who)
		}
		return d.carryOut(ctx, tx, who, &p, r, e)
	})
	if fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) {
		return Report{}, d.refuse(ctx, e, err)
	}
	if err != nil {
		return Report{}, err
	}
	return p.Report, nil
}

func (d *Desk) entry(who access.Caller, action string) audit.Entry {
	return audit.Entry{ID: d.o.NewID(), At: d.o.Now(), Action: action, Outcome: audit.Granted, Actor: who.Actor()}
}

func (d *Desk) refuse(ctx context.Context, e audit.Entry, why error) error {
	e.Outcome = audit.Refused
	if err := d.store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, e) }); err != nil {
		return err
	}
	return why
}

// Nothing reports whether the target has no rights left to revoke.
func (r Report) Nothing() bool {
	return r.Kind != Publisher && (r.Already || r.Kind == Token) &&
		len(r.Tokens)+r.Sessions+r.Links+r.Invitations+len(r.Pending) == 0
}

// Unquarantined returns how many of the uploads are not in quarantine. It includes all uploads that Uploads omits,
// because their state is unknown.
func (r Report) Unquarantined() int {
	n := max(0, r.Uploaded-len(r.Uploads))
	for _, u := range r.Uploads {
		if !u.Quarantined() {
			n++
		}
	}
	return n
}

// Parts returns the revoked rights as sentences for display.
func (r Report) Parts() (out []string) {
	say := func(n int, one, many string) {
		if n == 1 {
			out = append(out, "1 "+one+".")
		} else if n > 1 {
			out = append(out, fmt.Sprintf("%d %s.", n, many))
		}
	}
	switch {
	case r.Kind == User && r.Already:
		out = append(out, "The account is already disabled.")
	case r.Kind == User:
		out = append(out, "The account is disabled.")
	case r.Kind == Token && r.Already:
		out = append(out, "The token is already revoked.")
	}
	if r.Nothing() {
		return append(out, "Nothing is left to end.")
	}
	say(len(r.Tokens), "token is revoked", "tokens are revoked")
	say(r.Sessions, "session is ended", "sessions are ended")
	say(r.Links, "link for signing in or a new password stops working",
		"links for signing in or a new password stop working")
	say(r.Invitations, "invitation is withdrawn", "invitations are withdrawn")
	if len(r.Projects) > 0 {
		out = append(out, "The publisher is removed from "+few(r.Projects)+".")
	}
	if len(r.Pending) > 0 {
		verb := "pending publisher is removed: "
		if len(r.Pending) > 1 {
			verb = "pending publishers are removed: "
		}
		out = append(out, fmt.Sprintf("%d %s%s.", len(r.Pending), verb, few(r.Pending)))
	}
	say(r.Readers, "reader is removed", "readers are removed")
	return append(out, "Uploads in progress are rejected.")
}

// fewNames is the maximum number of names in a sentence.
const fewNames = 50

// few joins names, and replaces those beyond fewNames by their number.
func few(names []string) string {
	if more := len(names) - fewNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:fewNames], ", "), more)
	}
	return strings.Join(names, ", ")
}
