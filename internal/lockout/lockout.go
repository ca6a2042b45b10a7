// Package lockout ends everything that a person, a publisher or a token can do, in one act, and shows what they
// uploaded.
//
// The rights end in one transaction, with one entry in the record that names its parts; each file that is put into
// quarantine and each project that loses a publisher has an entry of its own besides. An upload that is under way, also
// at another replica, is refused at its commit, because access.Update reads the rights again there. Tokens, sessions,
// links, invitations and pending publishers never come back. A disabled account can be enabled, a publisher added
// again, and a file released from quarantine.
package lockout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// Kind says what is locked out.
type Kind string

// The kinds.
const (
	User      Kind = "user"      // an account, by its name
	Publisher Kind = "publisher" // a rule that trusts workloads, by its id or that of a pending publisher or a reader
	Token     Kind = "token"     // one token, by its id
)

// Target is who is to be locked out.
type Target struct {
	Kind Kind
	Name string // see Kind
}

// Request is what to do.
type Request struct {
	Target
	Since      time.Time // uploads from then on are listed
	Quarantine bool      // whether those are put into quarantine
	Reason     string    // of the quarantine, for administrators to read
	Force      bool      // lock out the only active administrator too, which the operator alone may do
}

// Rows is what a lockout needs that nobody else does.
type Rows interface {
	// MintedFor returns the ids of the minted tokens of a publisher or a reader that were not revoked.
	MintedFor(ctx context.Context, id string) ([]string, error)
}

// Tx is what a lockout needs of a transaction.
type Tx interface {
	publishers.Tx
	account.Tx
	Rows
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of a Desk; Sentence has no default.
type Options struct {
	Now      func() time.Time                  // time.Now
	NewID    func() string                     // UUIDv7
	Sentence func(publishers.Publisher) string // describes a publisher, as publishers.Registry.Sentence does
}

// Desk locks out. It is safe for concurrent use, and by several processes on one store.
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
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return &Desk{store: s, o: o}
}

// Report says what a lockout ends, or ended.
type Report struct {
	Target
	Sentence    string             // who that is, for people
	Account     string             // the name of the user, or of the user of an API token
	Already     bool               // the account was disabled before, or the token revoked
	LastAdmin   bool               // the user is the only active administrator
	Tokens      []access.Token     // API tokens, and minted ones, that end
	Sessions    int                // of a user
	Links       int                // of a user, and made by them: to new passwords, between a password and a second factor
	Invitations int                // made by a user
	Pending     []string           // projects that a pending publisher could have made
	Projects    []string           // projects that lose the publisher
	First       catalog.Project    // the first of those
	Unowned     []string           // projects that have no active owner besides the user
	Readers     int                // rules of the same workload that let it read
	Uploads     []catalog.Uploaded // since the time that was asked for, newest first, at most catalog.MaxUploads
	Uploaded    int                // how many there are, those that Uploads does not name too
	Quarantined int                // how many of them were put into quarantine
	Review      []string           // what stays and deserves a look, each as a sentence
}

// Undo says how what was done is undone, as far as it can be.
func (t Target) Undo() string {
	const files = " To restore quarantined files, use the Quarantine page or `index quarantine release`."
	switch t.Kind {
	case User:
		return "An administrator can enable the account again. Its tokens, sessions, links, invitations and pending publishers cannot be restored." + files
	case Publisher:
		return "The publisher can be added to each project again. Its tokens cannot be restored." + files
	}
	return "The token cannot be restored; create a new one instead." + files
}

// errDenied refuses who may not lock out.
var errDenied = fault.New(fault.Denied, "only an administrator, with a token of scope admin, may lock somebody out")

// Preview returns what LockOut would end, and changes nothing. It needs an administrator, and returns fault.NotFound
// for a target that does not exist and fault.Conflict for the caller's own account.
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

// LockOut ends everything that the target can do, from the next request on and for uploads under way, and returns what
// it ended. It needs an administrator. fault.NotFound for a target that does not exist, fault.Conflict for the caller's
// own account and the only active administrator's, which the operator may lock out with Force. If nothing is left to
// end, it changes and records nothing.
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

// refuse records a refusal and returns it.
func (d *Desk) refuse(ctx context.Context, e audit.Entry, why error) error {
	e.Outcome = audit.Refused
	if err := d.store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, e) }); err != nil {
		return err
	}
	return why
}

// Nothing reports whether the target can do nothing already, so that a lockout ends nothing.
func (r Report) Nothing() bool {
	return r.Kind != Publisher && (r.Already || r.Kind == Token) &&
		len(r.Tokens)+r.Sessions+r.Links+r.Invitations+len(r.Pending) == 0
}

// Unquarantined returns how many of the uploads are not in quarantine. Those that Uploads leaves out count, since
// nobody looked.
func (r Report) Unquarantined() int {
	n := max(0, r.Uploaded-len(r.Uploads))
	for _, u := range r.Uploads {
		if !u.Quarantined() {
			n++
		}
	}
	return n
}

// Parts returns what ends, a sentence each, for people.
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

// fewNames is how many names a sentence has.
const fewNames = 50

// few joins names, and counts those that are too many for a sentence.
func few(names []string) string {
	if more := len(names) - fewNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:fewNames], ", "), more)
	}
	return strings.Join(names, ", ")
}
