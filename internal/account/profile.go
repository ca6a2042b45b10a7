package account

import (
	"context"
	"errors"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// ProfileOf returns the caller's profile.
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

// SetProfile changes the caller's profile. It returns fault.Invalid if the address or the name is unacceptable. If the
// address changes, password links end, because they were sent to the old address.
func (a *Accounts) SetProfile(ctx context.Context, who access.Caller, p access.Profile) error {
	var long error
	if len([]rune(p.FullName)) > 100 {
		long = fault.InField("full_name", "a name has at most 100 characters")
	}
	if err := errors.Join(long, checkEmail(p.Email)); err != nil {
		return err
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
