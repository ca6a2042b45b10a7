package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Limits of password links: a user gets few messages no matter how many are requested, and a network can request links
// for few users.
const (
	forgottenFree    = 2
	forgottenNetFree = 20
	forgottenLife    = time.Hour
)

// AskForLink counts a request for a link to replace a forgotten password. It returns fault.TooMany if the caller's
// network sent too many requests. The result does not depend on the existing accounts.
func (a *Accounts) AskForLink(ctx context.Context, who access.Caller) error {
	return a.store.Update(ctx, func(tx Tx) error {
		err := a.methods.Ask(ctx, tx, "forgotten|"+audit.Network(who.Address()), forgottenNetFree)
		if fault.Is(err, fault.TooMany) {
			return fault.New(fault.TooMany,
				"too many links were requested from your network: wait a few minutes, or ask an administrator")
		}
		return err
	})
}

// ForgottenLink returns the secret of a link that sets a new password within an hour, and the address to send it to.
// The link must be shown to that address only. Both results are "" if no message is due: if the name is unknown, or the
// account is disabled, has no address, signs in through a provider only, or got messages recently. Earlier links remain
// valid, so that a second request does not break the first one.
func (a *Accounts) ForgottenLink(ctx context.Context, who access.Caller, name string,
) (to string, secret access.Secret, err error) {
	l, secret := onetime.New(a.o.NewID(), onetime.Reset, a.o.Now(), forgottenLife)
	l.Origin = OriginForgotten
	err = a.store.Update(ctx, func(tx Tx) error {
		u, email, err := reachable(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := a.methods.Ask(ctx, tx, "forgotten-by|"+u.ID, forgottenFree); err != nil {
			return err
		}
		to, l.UserID = email, u.ID
		if err := tx.InsertLink(ctx, l); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, a.entry(who, "user.forgot", u.Name, map[string]any{"link": l.ID}))
	})
	switch {
	case err == nil:
		return to, secret, nil
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.TooMany):
		return "", "", nil
	}
	return "", "", err
}

// reachable returns an active user with a password or a passkey, and the user's address. It returns fault.NotFound for
// any other name, and if there is no address.
func reachable(ctx context.Context, tx Tx, name string) (access.User, string, error) {
	u, err := tx.UserByName(ctx, name)
	if err != nil {
		return u, "", err
	}
	p, err := access.ProfileOf(ctx, tx, u.ID)
	if err != nil {
		return u, "", err
	}
	keys, err := tx.PasskeysOf(ctx, u.ID)
	if err == nil && (!u.Active() || p.Email == "" || u.PasswordHash == "" && len(keys) == 0) {
		err = fault.New(fault.NotFound, "%s cannot be sent a link", u.Name)
	}
	return u, p.Email, err
}

// EmailOf returns the e-mail address of a user, or "". It requires an administrator, and returns fault.NotFound if the
// name is unknown.
func (a *Accounts) EmailOf(ctx context.Context, who access.Caller, name string) (email string, err error) {
	err = a.viewUser(ctx, who, name, "address", func(tx Tx, u access.User) error {
		p, err := access.ProfileOf(ctx, tx, u.ID)
		email = p.Email
		return err
	})
	return email, err
}

// AddressOf returns the e-mail address of an active user. It returns "" if there is none or the name is unknown. The
// address is for sending mail to that user, and is never shown.
func (a *Accounts) AddressOf(ctx context.Context, name string) (email string, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		email = ""
		u, err := tx.UserByName(ctx, name)
		if fault.Is(err, fault.NotFound) || err == nil && !u.Active() {
			return nil
		} else if err != nil {
			return err
		}
		p, err := access.ProfileOf(ctx, tx, u.ID)
		email = p.Email
		return err
	})
	return email, err
}

// Factors are the second factors of an account.
type Factors struct {
	TOTP               bool
	Recovery, Passkeys int
}

// FactorsOf returns the second factors of an account. It requires an administrator, and returns fault.NotFound if the
// name is unknown.
func (a *Accounts) FactorsOf(ctx context.Context, who access.Caller, name string) (f Factors, err error) {
	err = a.viewUser(ctx, who, name, "second factors", func(tx Tx, u access.User) error {
		f, err = factorsOf(ctx, tx, u)
		return err
	})
	return f, err
}

func factorsOf(ctx context.Context, tx Tx, u access.User) (f Factors, err error) {
	t, err := tx.TOTPOf(ctx, u.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return f, err
	}
	f.TOTP = err == nil && !t.ConfirmedAt.IsZero()
	if f.Recovery, err = tx.RecoveryLeft(ctx, u.ID); err != nil {
		return f, err
	}
	keys, err := tx.PasskeysOf(ctx, u.ID)
	f.Passkeys = len(keys)
	return f, err
}

// RemoveFactors removes the authenticator, the recovery codes and the passkeys of a user, usually after their loss, and
// ends the user's sessions. It requires an administrator. It returns fault.NotFound if the name is unknown, and
// fault.Conflict if there is nothing to remove. A user without a password then needs a password link.
func (a *Accounts) RemoveFactors(ctx context.Context, who access.Caller, name string) error {
	const why = "only an administrator may remove another user's second factors"
	return a.asAdmin(ctx, who, "user.remove-factors", "", why, func(tx Tx, who access.Caller) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		keys, err := tx.PasskeysOf(ctx, u.ID)
		if err != nil {
			return err
		}
		if f, err := factorsOf(ctx, tx, u); err != nil {
			return err
		} else if f == (Factors{}) {
			return fault.New(fault.Conflict, "%s has no second factor", u.Name)
		}
		for _, k := range keys {
			if _, err := tx.DeletePasskey(ctx, u.ID, k.ID); err != nil {
				return err
			}
		}
		if err := tx.PutRecovery(ctx, u.ID, nil); err != nil {
			return err
		}
		if err := tx.DeleteTOTP(ctx, u.ID); err != nil {
			return err
		}
		if _, err := tx.EndSessionsOf(ctx, u.ID, who.SessionID(), a.o.Now()); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, a.entry(who, "user.remove-factors", u.Name, map[string]any{"passkeys": len(keys)}))
	})
}
