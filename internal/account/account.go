package account

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Options are the settings of Accounts; the zero value works.
type Options struct {
	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
	Name  string           // of the index, as authenticators show it; "Index" where empty
	// Authenticators speaks with devices that hold passkeys; nil where there are none.
	Authenticators Authenticators
	// SecondFactor says who needs a second factor; the keyring is told the same.
	SecondFactor access.FactorPolicy
	// OwnersInvite lets invitations by owners of projects work without an administrator's approval.
	OwnersInvite bool
	// SecurityURL is the page about an account's security, which letters of warning name; "" for an index that sends none.
	SecurityURL string
}

// Accounts is the accounts of an index. It is safe for concurrent use, and by several processes on one store.
type Accounts struct {
	store   Store
	o       Options
	work    chan struct{} // bounds how many passwords are hashed at once
	key     atomic.Pointer[sealer]
	letters chan struct{} // has a value after letters were written
	waiting atomic.Int64  // people in the queue for that, and those whose turn it is
}

// New returns the accounts over the rows of s.
func New(s Store, o Options) *Accounts {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Name == "" {
		o.Name = "Index"
	}
	return &Accounts{store: s, o: o, work: make(chan struct{}, hashers), letters: make(chan struct{}, 1)}
}

// OwnersInvite reports whether invitations by owners of projects work without an administrator's approval.
func (a *Accounts) OwnersInvite() bool { return a.o.OwnersInvite }

func (a *Accounts) entry(who access.Caller, action, subject string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: a.o.NewID(), At: a.o.Now(), Action: action, Outcome: audit.Granted, Actor: who.Actor(), Subject: subject, Detail: detail,
	}
}

// self returns the user of a session that stands in this transaction; everybody else is fault.Unauthenticated. What is here
// is for people, not for tokens.
func self(ctx context.Context, tx Tx, who access.Caller) (access.User, error) {
	if who.SessionID() == "" {
		return access.User{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	if _, err := who.Recheck(ctx, tx); err != nil {
		return access.User{}, err
	}
	return tx.UserByID(ctx, who.ID())
}

// change runs f for who is signed in, with an entry and a serial in one transaction.
func (a *Accounts) change(ctx context.Context, who access.Caller, action string, f func(Tx, access.User) error) error {
	return a.store.Update(ctx, func(tx Tx) error {
		u, err := self(ctx, tx, who)
		if err != nil {
			return err
		}
		if err := f(tx, u); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, a.entry(who, action, u.Name, nil))
	})
}

// ProfileOf returns what the caller says of themselves.
func (a *Accounts) ProfileOf(ctx context.Context, who access.Caller) (p Profile, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := self(ctx, tx, who)
		if err != nil {
			return err
		}
		p, err = profileOf(ctx, tx, u)
		return err
	})
	return p, err
}

// profileOf returns what a user says of themselves, which may be nothing.
func profileOf(ctx context.Context, tx Tx, u access.User) (Profile, error) {
	p, err := tx.ProfileOf(ctx, u.ID)
	if fault.Is(err, fault.NotFound) {
		return Profile{}, nil
	}
	return p, err
}

// SetProfile changes what the caller says of themselves. fault.Invalid for an address or a name that cannot be. With another
// address, links to a new password end: they went to the one before.
func (a *Accounts) SetProfile(ctx context.Context, who access.Caller, p Profile) error {
	if err := checkEmail(p.Email); err != nil {
		return err
	}
	if len([]rune(p.FullName)) > 100 {
		return fault.InField("full_name", "a name has at most 100 characters")
	}
	return a.change(ctx, who, "account.profile", func(tx Tx, u access.User) error {
		old, err := profileOf(ctx, tx, u)
		if err != nil {
			return err
		}
		if old.Email != p.Email {
			if err := tx.EndLinks(ctx, LinkReset, u.ID, a.o.Now()); err != nil {
				return err
			}
		}
		return tx.PutProfile(ctx, u.ID, p)
	})
}

// Security is how the caller's account is guarded.
type Security struct {
	Password     bool
	TOTP         bool
	RecoveryLeft int
}

// SecurityOf returns how the caller's account is guarded.
func (a *Accounts) SecurityOf(ctx context.Context, who access.Caller) (s Security, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := self(ctx, tx, who)
		if err != nil {
			return err
		}
		s.Password = u.PasswordHash != ""
		t, err := tx.TOTPOf(ctx, u.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		s.TOTP = err == nil && !t.ConfirmedAt.IsZero()
		s.RecoveryLeft, err = tx.RecoveryLeft(ctx, u.ID)
		return err
	})
	return s, err
}

// deviceLife is how long a browser is known in which somebody signed in: as long as its cookie.
const deviceLife = 365 * 24 * time.Hour

// Sweep forgets what ended: links after a month, attempts after a day, devices after a year, letters that nobody sent after
// three days.
func (a *Accounts) Sweep(ctx context.Context) error {
	return a.store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteLinksBefore(ctx, a.o.Now().Add(-30*24*time.Hour)); err != nil {
			return err
		}
		if err := tx.DeleteChallengesBefore(ctx, a.o.Now().Add(-clockSkew)); err != nil {
			return err
		}
		if err := tx.DeleteDevicesBefore(ctx, a.o.Now().Add(-deviceLife)); err != nil {
			return err
		}
		if _, err := tx.DeleteWaitingBefore(ctx, a.o.Now().Add(-letterLife)); err != nil { // mail may be off by now
			return err
		}
		return tx.DeleteAttemptsBefore(ctx, a.o.Now().Add(-forgetAfter))
	})
}
