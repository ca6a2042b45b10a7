package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// How often links are asked for: a person gets few messages whoever asks, and a network asks for few people.
const (
	forgottenFree    = 2
	forgottenNetFree = 20
	forgottenLife    = time.Hour
)

// AskForLink counts that somebody asked for a link because a password was forgotten. fault.TooMany where that network
// asked for too many; nothing depends on which accounts there are.
func (a *Accounts) AskForLink(ctx context.Context, who access.Caller) error {
	return a.store.Update(ctx, func(tx Tx) error {
		err := a.methods.Ask(ctx, tx, "forgotten|"+audit.Network(who.Address()), forgottenNetFree)
		if fault.Is(err, fault.TooMany) {
			return fault.New(fault.TooMany,
				"too many links were asked for from here: wait some minutes, or ask an administrator")
		}
		return err
	})
}

// ForgottenLink returns the secret of a link that sets a new password, good for an hour, and the address to send it to.
// To others than that address nothing of it may be shown. Both are "" where no message is due: for a name that is not
// known, a disabled account, one without an address, one that only a provider signs in, and one that got messages
// lately. Earlier links stay, so that asking again takes nothing from who has one.
func (a *Accounts) ForgottenLink(ctx context.Context, who access.Caller,
	name string,
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

// reachable returns a user who signs in here and gave an address, which it returns too; fault.NotFound for any other.
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

// EmailOf returns the address that a person gave, "" for none. It needs an administrator; fault.NotFound for an unknown
// name.
func (a *Accounts) EmailOf(ctx context.Context, who access.Caller, name string) (email string, err error) {
	if !who.Admin() {
		return "", fault.New(fault.Denied, "only an administrator may see somebody else's address")
	}
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		p, err := access.ProfileOf(ctx, tx, u.ID)
		email = p.Email
		return err
	})
	return email, err
}

// AddressOf returns the address that an active user gave, "" for none and for a name that is not known. It is for
// letters to that user, and never shown.
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

// FactorsOf returns the second factors of an account. It needs an administrator, and returns fault.NotFound for an
// unknown name.
func (a *Accounts) FactorsOf(ctx context.Context, who access.Caller, name string) (f Factors, err error) {
	if !who.Admin() {
		return f, fault.New(fault.Denied, "only an administrator may see somebody else's second factors")
	}
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
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

// RemoveFactors takes the authenticator, the recovery codes and the passkeys of somebody away who lost them, and ends
// the account's sessions. It needs an administrator; it returns fault.NotFound for an unknown name and fault.Conflict
// if there is nothing to remove. A user without a password then needs a link to a new one.
func (a *Accounts) RemoveFactors(ctx context.Context, who access.Caller, name string) error {
	if !who.Admin() {
		return a.refused(ctx, who, "user.remove-factors", "",
			"only an administrator may remove somebody else's second factors")
	}
	return access.Update(ctx, a.store, who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may remove somebody else's second factors")
		}
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
