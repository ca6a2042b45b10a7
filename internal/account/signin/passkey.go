package signin

import (
	"context"
	"errors"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
	"pyindex/internal/fault"
)

// Owner is the owner of a passkey, as devices see it.
type Owner struct {
	ID, Name    string
	Credentials []string // as written by Authenticators
}

// Authenticators exchanges WebAuthn messages with browsers. *passkeys.Ceremonies implements it.
type Authenticators interface {
	// BeginRegister returns the options for the browser as JSON, and the state for FinishRegister.
	BeginRegister(o Owner) (options, state []byte, err error)
	// FinishRegister checks the browser's response. It returns fault.Invalid if the response is not acceptable.
	FinishRegister(o Owner, state, response []byte) (credentialID, credential string, err error)
	// BeginSignIn returns the options for the browser as JSON, and the state for FinishSignIn.
	BeginSignIn() (options, state []byte, err error)
	// FinishSignIn checks the browser's response; find returns the owner of a credential. If the credential's signature
	// counter went backwards, cloned is true. It returns fault.Invalid if the response is not acceptable.
	FinishSignIn(state, response []byte,
		find func(credentialID string) (Owner, error)) (credentialID, credential string, cloned bool, err error)
}

// ErrNoPasskeys is returned if the index's address has no host name. Devices bind passkeys to host names.
var ErrNoPasskeys = fault.New(fault.Invalid,
	"passkeys need an index with a host name, over TLS or on localhost: set base_url")

// Passkeyed reports whether this index can use passkeys.
func (m *Methods) Passkeyed() bool { return m.o.Authenticators != nil }

// BeginPasskey begins to register a passkey for the caller. It returns the options for the browser, and the secret to
// send back with the browser's response.
func (m *Methods) BeginPasskey(ctx context.Context,
	who access.Caller,
) (options []byte, secret access.Secret, err error) {
	if !m.Passkeyed() {
		return nil, "", ErrNoPasskeys
	}
	var o Owner
	err = m.store.View(ctx, func(tx Tx) error {
		o, err = m.owner(ctx, tx, who)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	options, state, err := m.o.Authenticators.BeginRegister(o)
	if err != nil {
		return nil, "", err
	}
	secret, err = m.challenges.Seal(ctx, challenge.ForPasskey, o.ID, state)
	return options, secret, err
}

func (m *Methods) owner(ctx context.Context, tx Tx, who access.Caller) (Owner, error) {
	u, err := Self(ctx, tx, who)
	if err != nil {
		return Owner{}, err
	}
	return owner(ctx, tx, u)
}

func owner(ctx context.Context, tx Tx, u access.User) (Owner, error) {
	all, err := tx.PasskeysOf(ctx, u.ID)
	o := Owner{ID: u.ID, Name: u.Name}
	for _, p := range all {
		o.Credentials = append(o.Credentials, p.Credential)
	}
	return o, err
}

// AddPasskey checks the browser's response and stores the passkey. If it is the account's first second factor, the
// account's other sessions, unfinished sign-ins and recovery codes end. It returns fault.Invalid if the response is not
// acceptable.
func (m *Methods) AddPasskey(ctx context.Context, who access.Caller, secret access.Secret, name string,
	response []byte,
) error {
	if !m.Passkeyed() {
		return ErrNoPasskeys
	}
	if who.SessionID() == "" {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	if name = strings.TrimSpace(name); name == "" || len([]rune(name)) > 60 {
		return fault.InField("name", "a passkey needs a name of at most 60 characters, such as the name of the device")
	}
	c, err := m.challenges.OpenFor(ctx, secret, challenge.ForPasskey, who.ID())
	if err != nil {
		return err
	}
	return m.change(ctx, who, "account.passkey-add", func(tx Tx, u access.User) error {
		o, err := owner(ctx, tx, u)
		if err != nil {
			return err
		}
		id, credential, err := m.o.Authenticators.FinishRegister(o, []byte(c.State), response)
		if err == nil {
			err = c.Use(ctx, tx)
		}
		if err != nil {
			return err
		}
		if err := m.beginFactor(ctx, tx, who, u); err != nil {
			return err
		}
		return tx.InsertPasskey(ctx,
			Passkey{ID: m.o.NewID(), UserID: u.ID, CredentialID: id, Name: name, Credential: credential, CreatedAt: m.o.Now()})
	})
}

// Passkeys returns the caller's passkeys, oldest first.
func (m *Methods) Passkeys(ctx context.Context, who access.Caller) (out []Passkey, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		u, err := Self(ctx, tx, who)
		if err != nil {
			return err
		}
		out, err = tx.PasskeysOf(ctx, u.ID)
		return err
	})
	return out, err
}

// RemovePasskey deletes one of the caller's passkeys. With the last second factor it also deletes the recovery codes.
// It returns fault.NotFound if the passkey is not the caller's, and fault.Conflict if it is the only way to sign in.
func (m *Methods) RemovePasskey(ctx context.Context, who access.Caller, id string) error {
	return m.change(ctx, who, "account.passkey-remove", func(tx Tx, u access.User) error {
		all, err := tx.PasskeysOf(ctx, u.ID)
		if err != nil {
			return err
		}
		did, err := tx.DeletePasskey(ctx, u.ID, id)
		switch {
		case err != nil:
			return err
		case !did:
			return fault.New(fault.NotFound, "you have no such passkey")
		case len(all) == 1 && u.PasswordHash == "":
			return fault.New(fault.Conflict, "this is your only way to sign in: add another passkey or set a password first")
		}
		if err := tx.EndSignIns(ctx, u.ID, m.o.Now()); err != nil {
			return err
		}
		guarded, err := tx.HasSecondFactor(ctx, u.ID)
		if err == nil && !guarded {
			err = tx.PutRecovery(ctx, u.ID, nil)
		}
		return err
	})
}

// BeginPasskeySignIn returns the options for the browser for a sign-in, or for the caller's confirmation.
func (m *Methods) BeginPasskeySignIn(ctx context.Context,
	who access.Caller,
) (options []byte, secret access.Secret, err error) {
	if !m.Passkeyed() {
		return nil, "", ErrNoPasskeys
	}
	options, state, err := m.o.Authenticators.BeginSignIn()
	if err != nil {
		return nil, "", err
	}
	secret, err = m.challenges.Seal(ctx, challenge.ForSignIn, who.ID(), state)
	return options, secret, err
}

// SignInByPasskey checks the browser's response. If the caller is signed in, the passkey must be theirs, and confirms
// their identity. It returns fault.Invalid if the challenge has expired or was answered before, and the same
// fault.Unauthenticated for every other failure.
func (m *Methods) SignInByPasskey(ctx context.Context, who access.Caller, secret access.Secret,
	response []byte,
) (Signed, error) {
	if !m.Passkeyed() {
		return Signed{}, ErrNoPasskeys
	}
	c, err := m.challenges.OpenFor(ctx, secret, challenge.ForSignIn, who.ID())
	if err != nil {
		return Signed{}, err
	}
	var s Signed
	err = m.store.Update(ctx, func(tx Tx) error {
		var p Passkey
		var owner access.User
		id, credential, cloned, err := m.o.Authenticators.FinishSignIn([]byte(c.State), response,
			func(credentialID string) (Owner, error) {
				if p, err = tx.PasskeyByCredential(ctx, credentialID); err != nil {
					return Owner{}, err
				}
				u, err := tx.UserByID(ctx, p.UserID)
				owner = u
				if err == nil && (!u.Active() || who.ID() != "" && u.ID != who.ID()) {
					err = errPasskey
				}
				return Owner{ID: u.ID, Name: u.Name, Credentials: []string{p.Credential}}, err
			})
		if err != nil {
			return err
		}
		if cloned {
			return errCloned
		}
		s = Signed{UserID: p.UserID, Method: access.MethodPasskey, Credentials: owner.Credentials()}
		if id != p.CredentialID {
			return errPasskey
		}
		if err := c.Use(ctx, tx); err != nil {
			return err
		}
		return tx.UsePasskey(ctx, p.ID, credential, m.o.Now())
	})
	if err == nil {
		return s, nil
	}
	if errors.Is(err, challenge.ErrEnded) {
		return Signed{}, err
	}
	if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound && k != fault.Unauthenticated {
		return Signed{}, err
	}
	if e := m.failed(ctx, who, guess{}, who.Name(), "passkey", nil); e != nil {
		return Signed{}, e
	}
	if errors.Is(err, errCloned) {
		return Signed{}, err
	}
	return Signed{}, errPasskey
}

var (
	errPasskey = fault.New(fault.Unauthenticated, "this passkey cannot sign in: it is unknown or was removed")
	errCloned  = fault.New(fault.Unauthenticated,
		"this passkey seems to have been copied, so it was refused: sign in another way, remove it and add it again")
)
