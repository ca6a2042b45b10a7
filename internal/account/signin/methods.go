// Package signin checks that people are who they say: by password, second factor or passkey.
//
// It promises that a code, a recovery code and a challenge can be used once, whatever runs at the same time; that a refusal
// does not reveal whether an account exists; that guessing is slowed down by network and account, over all processes, in a
// way that leaves a browser alone in which the owner signed in before; and that every success and refusal is recorded.
//
// It creates no sessions: access.Directory does, for the person that this package names.
package signin

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
	"pyindex/internal/account/outbox"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Options are the settings of Methods; the zero value works.
type Options struct {
	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
	Name  string           // of the index, as authenticators show it; "Index" if empty
	// Authenticators speaks with devices that hold passkeys; nil if there are none.
	Authenticators Authenticators
	// SecondFactor says who needs a second factor; the keyring is told the same.
	SecondFactor access.FactorPolicy
	// Hashers bounds by its capacity how many passwords are hashed at once, each in 19 MiB; 2 if nil.
	Hashers chan struct{}
}

// Methods are the ways by which people sign in. It is safe for concurrent use, and by several processes on one store.
type Methods struct {
	store      Store
	box        *outbox.Outbox
	o          Options
	challenges *challenge.Sealer[Tx]
	waiting    atomic.Int64 // people in the queue for a hasher, and those whose turn it is
}

// New returns the methods over the rows of s, which put letters of warning into box.
func New(s Store, box *outbox.Outbox, o Options) *Methods {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Name == "" {
		o.Name = "Index"
	}
	if o.Hashers == nil {
		o.Hashers = make(chan struct{}, 2)
	}
	return &Methods{store: s, box: box, o: o, challenges: challenge.New(s, o.Now)}
}

// Options returns the settings, with the defaults filled in.
func (m *Methods) Options() Options { return m.o }

// Challenges returns what makes challenges and reads them again.
func (m *Methods) Challenges() *challenge.Sealer[Tx] { return m.challenges }

func (m *Methods) entry(who access.Caller, action, subject string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: m.o.NewID(), At: m.o.Now(), Action: action, Outcome: audit.Granted, Actor: who.Actor(), Subject: subject, Detail: detail,
	}
}

// Self returns the user of a session that stands in this transaction; everybody else is fault.Unauthenticated. What is here
// is for people, not for tokens.
func Self(ctx context.Context, tx Tx, who access.Caller) (access.User, error) {
	if who.SessionID() == "" {
		return access.User{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	if _, err := who.Recheck(ctx, tx); err != nil {
		return access.User{}, err
	}
	return tx.UserByID(ctx, who.ID())
}

// change runs f for who is signed in, with an entry and a serial in one transaction.
func (m *Methods) change(ctx context.Context, who access.Caller, action string, f func(Tx, access.User) error) error {
	return m.store.Update(ctx, func(tx Tx) error {
		u, err := Self(ctx, tx, who)
		if err != nil {
			return err
		}
		if err := f(tx, u); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, m.entry(who, action, u.Name, nil))
	})
}

// Security is how the caller's account is guarded.
type Security struct {
	Password     bool
	TOTP         bool
	RecoveryLeft int
}

// SecurityOf returns how the caller's account is guarded.
func (m *Methods) SecurityOf(ctx context.Context, who access.Caller) (s Security, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		u, err := Self(ctx, tx, who)
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

// Sweep forgets challenges and tries after a day, and devices after a year.
func (m *Methods) Sweep(ctx context.Context) error {
	return m.store.Update(ctx, func(tx Tx) error {
		if err := m.challenges.Sweep(ctx, tx); err != nil {
			return err
		}
		if err := tx.DeleteDevicesBefore(ctx, m.o.Now().Add(-deviceLife)); err != nil {
			return err
		}
		return tx.DeleteAttemptsBefore(ctx, m.o.Now().Add(-forgetAfter))
	})
}
