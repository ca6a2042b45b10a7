package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Options are the settings of Accounts; the zero value works.
type Options struct {
	// OwnersInvite lets invitations by owners of projects work without an administrator's approval.
	OwnersInvite bool
}

// Accounts is the accounts of an index. It is safe for concurrent use, and by several processes on one store.
type Accounts struct {
	store        Store
	methods      *signin.Methods
	o            signin.Options // of methods: one clock, one name
	ownersInvite bool
}

// New returns the accounts over the rows of s, whose people sign in by m.
func New(s Store, m *signin.Methods, o Options) *Accounts {
	return &Accounts{store: s, methods: m, o: m.Options(), ownersInvite: o.OwnersInvite}
}

// OwnersInvite reports whether invitations by owners of projects work without an administrator's approval.
func (a *Accounts) OwnersInvite() bool { return a.ownersInvite }

func (a *Accounts) entry(who access.Caller, action, subject string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: a.o.NewID(), At: a.o.Now(), Action: action, Outcome: audit.Granted, Actor: who.Actor(), Subject: subject, Detail: detail,
	}
}

// ProfileOf returns what the caller says of themselves.
func (a *Accounts) ProfileOf(ctx context.Context, who access.Caller) (p access.Profile, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := signin.Self(ctx, tx, who)
		if err != nil {
			return err
		}
		p, err = access.ProfileOf(ctx, tx, u.ID)
		return err
	})
	return p, err
}

// SetProfile changes what the caller says of themselves. fault.Invalid for an address or a name that cannot be. With another
// address, links to a new password end: they went to the one before.
func (a *Accounts) SetProfile(ctx context.Context, who access.Caller, p access.Profile) error {
	if err := checkEmail(p.Email); err != nil {
		return err
	}
	if len([]rune(p.FullName)) > 100 {
		return fault.InField("full_name", "a name has at most 100 characters")
	}
	return a.store.Update(ctx, func(tx Tx) error {
		u, err := signin.Self(ctx, tx, who)
		if err != nil {
			return err
		}
		old, err := access.ProfileOf(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if old.Email != p.Email {
			if err := tx.EndLinks(ctx, onetime.Reset, u.ID, a.o.Now()); err != nil {
				return err
			}
		}
		if err := tx.PutProfile(ctx, u.ID, p); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, a.entry(who, "account.profile", u.Name, nil))
	})
}

// Sweep forgets links a month after they ended.
func (a *Accounts) Sweep(ctx context.Context) error {
	return a.store.Update(ctx, func(tx Tx) error {
		return tx.DeleteLinksBefore(ctx, a.o.Now().Add(-30*24*time.Hour))
	})
}
