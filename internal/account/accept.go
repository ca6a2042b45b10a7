package account

import (
	"context"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// BeginAccept begins to accept a link of kind First or Invite with a passkey instead of a password. It returns the
// options for the browser, and the secret to send back with the browser's response. It does not use the link. It
// returns fault.Invalid about the field name if the name is unacceptable.
func (a *Accounts) BeginAccept(ctx context.Context, kind onetime.Kind, secret access.Secret, name string,
) (options []byte, sealed access.Secret, err error) {
	if !a.methods.Passkeyed() {
		return nil, "", signin.ErrNoPasskeys
	}
	o, err := a.Look(ctx, kind, secret)
	if err != nil {
		return nil, "", err
	}
	if name, err = o.nameOf(name); err != nil {
		return nil, "", err
	}
	id := a.o.NewID()
	options, state, err := a.o.Authenticators.BeginRegister(signin.Owner{ID: id, Name: name})
	if err != nil {
		return nil, "", err
	}
	err = a.store.View(ctx, func(tx Tx) error {
		if _, err := tx.UserByName(ctx, name); err == nil {
			return errTaken(name)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	sealed, err = a.methods.Challenges().Seal(ctx, challenge.ForNewcomer, id+" "+name, state)
	return options, sealed, err
}

// AcceptByPasskey takes the browser's response to BeginAccept, uses the link and creates an account with that passkey
// and no password. The passkey is named after device. If several requests use the link at once, one succeeds.
func (a *Accounts) AcceptByPasskey(ctx context.Context, who access.Caller, kind onetime.Kind,
	secret, sealed access.Secret, device string, response []byte,
) (access.User, error) {
	if !a.methods.Passkeyed() {
		return access.User{}, signin.ErrNoPasskeys
	}
	o, err := a.Look(ctx, kind, secret)
	if err != nil {
		return access.User{}, err
	}
	c, err := a.methods.Challenges().Open(ctx, sealed, challenge.ForNewcomer)
	if err != nil {
		return access.User{}, err
	}
	var owner signin.Owner // the id of the future account, and the requested name
	owner.ID, owner.Name, _ = strings.Cut(c.UserID, " ")
	if o.Invitation.Name != "" && o.Invitation.Name != owner.Name {
		return access.User{}, challenge.ErrEnded
	}
	credentialID, credential, err := a.o.Authenticators.FinishRegister(owner, []byte(c.State), response)
	if err != nil {
		return access.User{}, err
	}
	u := access.User{ID: owner.ID, Name: owner.Name, Admin: o.admin(), CreatedAt: a.o.Now()}
	p := signin.Passkey{
		ID: a.o.NewID(), UserID: u.ID, CredentialID: credentialID, Name: cutRunes(device, 60), Credential: credential,
		CreatedAt: a.o.Now(),
	}
	return u, a.store.Update(ctx, func(tx Tx) error {
		if err := c.Use(ctx, tx); err != nil {
			return err
		}
		if err := a.accept(ctx, tx, who, kind, secret, u); err != nil {
			return err
		}
		return tx.InsertPasskey(ctx, p)
	})
}
