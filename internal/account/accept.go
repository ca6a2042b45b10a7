package account

import (
	"context"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// BeginAccept returns the options for the browser of somebody who follows a link of kind first or invite and wants a passkey
// instead of a password, and the secret that the browser's answer comes with. It does not use the link up. What is wrong
// with the name is fault.Invalid about it.
func (a *Accounts) BeginAccept(ctx context.Context, kind LinkKind, secret access.Secret, name string) (options []byte, challenge access.Secret, err error) {
	if !a.Passkeyed() {
		return nil, "", errNoPasskeys
	}
	o, err := a.Look(ctx, kind, secret)
	if err != nil {
		return nil, "", err
	}
	if name, err = o.nameOf(name); err != nil {
		return nil, "", err
	}
	id := a.o.NewID()
	options, state, err := a.o.Authenticators.BeginRegister(Owner{ID: id, Name: name})
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
	challenge, err = a.seal(ctx, ForNewcomer, id+" "+name, state)
	return options, challenge, err
}

// AcceptByPasskey takes the browser's answer to BeginAccept, uses the link up and makes an account that has that passkey, under
// the name of a device, and no password. Of several who do it at once, one succeeds.
func (a *Accounts) AcceptByPasskey(ctx context.Context, who access.Caller, kind LinkKind, secret, challenge access.Secret, device string, response []byte) (access.User, error) {
	if !a.Passkeyed() {
		return access.User{}, errNoPasskeys
	}
	o, err := a.Look(ctx, kind, secret)
	if err != nil {
		return access.User{}, err
	}
	c, err := a.unseal(ctx, challenge, ForNewcomer)
	if err != nil {
		return access.User{}, err
	}
	var owner Owner // the id that the account will have, and the name that was asked for
	owner.ID, owner.Name, _ = strings.Cut(c.UserID, " ")
	if o.Invitation.Name != "" && o.Invitation.Name != owner.Name {
		return access.User{}, errChallenge
	}
	credentialID, credential, err := a.o.Authenticators.FinishRegister(owner, []byte(c.State), response)
	if err != nil {
		return access.User{}, err
	}
	u := access.User{ID: owner.ID, Name: owner.Name, Admin: o.admin(), CreatedAt: a.o.Now()}
	p := Passkey{ID: a.o.NewID(), UserID: u.ID, CredentialID: credentialID, Name: cutRunes(device, 60), Credential: credential, CreatedAt: a.o.Now()}
	return u, a.store.Update(ctx, func(tx Tx) error {
		if err := c.use(ctx, tx); err != nil {
			return err
		}
		if err := a.accept(ctx, tx, who, kind, secret, u); err != nil {
			return err
		}
		return tx.InsertPasskey(ctx, p)
	})
}
