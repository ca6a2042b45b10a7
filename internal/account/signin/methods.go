// Package signin authenticates people by password, second factor or passkey.
//
// It promises that a code, a recovery code and a challenge can be used once, even by concurrent requests. A refusal
// does not reveal whether an account exists. Guessing is slowed down by network and account across all processes, but
// never in a browser that the owner signed in with before. Every success and refusal is recorded in the audit log.
//
// It creates no sessions: access.Directory does, for the person that this package identified.
package signin

import (
	"context"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
	"pyindex/internal/account/outbox"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// New returns the methods over the rows of s. They put warnings into box.
func New(s Store, box *outbox.Outbox, o Options) *Methods {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = access.NewID
	}
	if o.Name == "" {
		o.Name = "Index"
	}
	if o.Hashers == nil {
		o.Hashers = make(chan struct{}, 2)
	}
	unknown := sync.OnceValue(func() string {
		phc, _ := o.PasswordCost.Hash(access.NewToken())
		return phc
	})
	return &Methods{store: s, box: box, o: o, challenges: challenge.New(s, o.Now), unknown: unknown}
}

// Options returns the settings with the defaults filled in.
func (m *Methods) Options() Options { return m.o }

// Challenges returns the sealer of challenges.
func (m *Methods) Challenges() *challenge.Sealer[Tx] { return m.challenges }

func (m *Methods) entry(who access.Caller, action, subject string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: m.o.NewID(), At: m.o.Now(), Action: action, Outcome: audit.Granted, Actor: who.Actor(), Subject: subject,
		Detail: detail,
	}
}

// Self returns the user of the caller's session. It returns fault.Unauthenticated if the caller has no live session in
// this transaction. API tokens cannot change sign-in methods.
func Self(ctx context.Context, tx Tx, who access.Caller) (access.User, error) {
	if who.SessionID() == "" {
		return access.User{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	if _, err := who.Recheck(ctx, tx); err != nil {
		return access.User{}, err
	}
	return tx.UserByID(ctx, who.ID())
}

// change runs f for the user of the caller's session, with an audit entry and a serial, in one transaction.
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
