package account

import (
	"context"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// newcomer marks the challenge of somebody who has no account yet: after it come the id that the account will have and the
// name that was asked for. No user's id has a space in it.
const newcomer = "new "

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
	err = a.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.UserByName(ctx, name); err == nil {
			return errTaken(name)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		challenge, err = a.challenge(ctx, tx, newcomer+id+" "+name, state)
		return err
	})
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
	owner, state, err := a.takeNewcomer(ctx, challenge)
	if err != nil {
		return access.User{}, err
	}
	if o.Invitation.Name != "" && o.Invitation.Name != owner.Name {
		return access.User{}, errChallenge
	}
	credentialID, credential, err := a.o.Authenticators.FinishRegister(owner, state, response)
	if err != nil {
		return access.User{}, err
	}
	u := access.User{ID: owner.ID, Name: owner.Name, Admin: o.admin(), CreatedAt: a.o.Now()}
	p := Passkey{ID: a.o.NewID(), UserID: u.ID, CredentialID: credentialID, Name: cutRunes(device, 60), Credential: credential, CreatedAt: a.o.Now()}
	return u, a.store.Update(ctx, func(tx Tx) error {
		if err := a.accept(ctx, tx, who, kind, secret, u); err != nil {
			return err
		}
		return tx.InsertPasskey(ctx, p)
	})
}

// takeNewcomer uses up a challenge of BeginAccept.
func (a *Accounts) takeNewcomer(ctx context.Context, challenge access.Secret) (o Owner, state []byte, err error) {
	c, err := a.takeOf(ctx, challenge, func(userID string) bool { return strings.HasPrefix(userID, newcomer) })
	o.ID, o.Name, _ = strings.Cut(strings.TrimPrefix(c.UserID, newcomer), " ")
	return o, []byte(c.State), err
}
