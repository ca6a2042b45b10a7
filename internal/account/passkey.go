package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Passkey is a credential of a person's device (WebAuthn). It proves possession and the person at once, since the device
// asks for a finger, a face or a PIN.
type Passkey struct {
	ID, UserID   string
	CredentialID string // as the device names it, base 64
	Name         string // as the person names it
	Credential   string // public key, counter and flags, as Authenticators wrote it
	CreatedAt    time.Time
	UsedAt       time.Time // zero for never
}

// PasskeyRows keeps passkeys. Reads return fault.NotFound for none.
type PasskeyRows interface {
	InsertPasskey(ctx context.Context, p Passkey) error // fault.Conflict for a credential that is there
	PasskeysOf(ctx context.Context, userID string) ([]Passkey, error)
	PasskeyByCredential(ctx context.Context, credentialID string) (Passkey, error)
	// UsePasskey notes a use, with the credential as it is then.
	UsePasskey(ctx context.Context, id, credential string, at time.Time) error
	DeletePasskey(ctx context.Context, userID, id string) (bool, error)
}

// Owner is who a passkey belongs to, as devices are told.
type Owner struct {
	ID, Name    string
	Credentials []string // as Authenticators wrote them
}

// Authenticators speaks WebAuthn with browsers. *passkeys.Ceremonies is one.
type Authenticators interface {
	// BeginRegister returns the options for the browser, JSON, and what FinishRegister needs to know.
	BeginRegister(o Owner) (options, state []byte, err error)
	// FinishRegister checks the browser's answer. fault.Invalid for one that does not fit.
	FinishRegister(o Owner, state, response []byte) (credentialID, credential string, err error)
	// BeginSignIn returns the options for the browser, JSON, and what FinishSignIn needs to know.
	BeginSignIn() (options, state []byte, err error)
	// FinishSignIn checks the browser's answer; find returns whose a credential is. A credential whose counter went back is
	// returned with cloned true. fault.Invalid for an answer that does not fit.
	FinishSignIn(state, response []byte, find func(credentialID string) (Owner, error)) (credentialID, credential string, cloned bool, err error)
}

// errNoPasskeys is for an index whose address has no name: devices bind passkeys to names.
var errNoPasskeys = fault.New(fault.Invalid, "passkeys need an index whose address is a name, over TLS or on localhost: set base_url")

// Passkeyed reports whether this index can use passkeys at all.
func (a *Accounts) Passkeyed() bool { return a.o.Authenticators != nil }

// BeginPasskey returns the options for the browser with which the caller makes a new passkey, and the secret that its
// answer comes with.
func (a *Accounts) BeginPasskey(ctx context.Context, who access.Caller) (options []byte, secret access.Secret, err error) {
	if !a.Passkeyed() {
		return nil, "", errNoPasskeys
	}
	var o Owner
	err = a.store.View(ctx, func(tx Tx) error {
		o, err = a.owner(ctx, tx, who)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	options, state, err := a.o.Authenticators.BeginRegister(o)
	if err != nil {
		return nil, "", err
	}
	secret, err = a.seal(ctx, ForPasskey, o.ID, state)
	return options, secret, err
}

func (a *Accounts) owner(ctx context.Context, tx Tx, who access.Caller) (Owner, error) {
	u, err := self(ctx, tx, who)
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

// AddPasskey takes the browser's answer and keeps the passkey. The first second factor of an account ends its other sessions and
// sign-ins, and recovery codes of before. fault.Invalid for an answer that does not fit.
func (a *Accounts) AddPasskey(ctx context.Context, who access.Caller, secret access.Secret, name string, response []byte) error {
	if !a.Passkeyed() {
		return errNoPasskeys
	}
	if who.SessionID() == "" {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	if name = strings.TrimSpace(name); name == "" || len([]rune(name)) > 60 {
		return fault.InField("name", "a passkey needs a name of at most 60 characters, by which you know the device")
	}
	c, err := a.unsealFor(ctx, secret, ForPasskey, who.ID())
	if err != nil {
		return err
	}
	return a.change(ctx, who, "account.passkey-add", func(tx Tx, u access.User) error {
		o, err := owner(ctx, tx, u)
		if err != nil {
			return err
		}
		id, credential, err := a.o.Authenticators.FinishRegister(o, []byte(c.State), response)
		if err == nil {
			err = c.use(ctx, tx)
		}
		if err != nil {
			return err
		}
		if err := a.beginFactor(ctx, tx, who, u); err != nil {
			return err
		}
		return tx.InsertPasskey(ctx, Passkey{ID: a.o.NewID(), UserID: u.ID, CredentialID: id, Name: name, Credential: credential, CreatedAt: a.o.Now()})
	})
}

// Passkeys returns the caller's passkeys, oldest first.
func (a *Accounts) Passkeys(ctx context.Context, who access.Caller) (out []Passkey, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := self(ctx, tx, who)
		if err != nil {
			return err
		}
		out, err = tx.PasskeysOf(ctx, u.ID)
		return err
	})
	return out, err
}

// RemovePasskey takes one of the caller's passkeys away, and with the last second factor the recovery codes. fault.NotFound for one that is not theirs, fault.Conflict for the
// last way in.
func (a *Accounts) RemovePasskey(ctx context.Context, who access.Caller, id string) error {
	return a.change(ctx, who, "account.passkey-remove", func(tx Tx, u access.User) error {
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
		if err := tx.EndSignIns(ctx, u.ID, a.o.Now()); err != nil {
			return err
		}
		guarded, err := tx.HasSecondFactor(ctx, u.ID)
		if err == nil && !guarded {
			err = tx.PutRecovery(ctx, u.ID, nil)
		}
		return err
	})
}

// BeginPasskeySignIn returns the options for the browser of somebody who signs in, or of the caller who confirms.
func (a *Accounts) BeginPasskeySignIn(ctx context.Context, who access.Caller) (options []byte, secret access.Secret, err error) {
	if !a.Passkeyed() {
		return nil, "", errNoPasskeys
	}
	options, state, err := a.o.Authenticators.BeginSignIn()
	if err != nil {
		return nil, "", err
	}
	secret, err = a.seal(ctx, ForSignIn, who.ID(), state)
	return options, secret, err
}

// SignInByPasskey takes the browser's answer. Where the caller is signed in, the passkey must be theirs: it confirms who
// they are. Everything that does not fit is one fault.Unauthenticated, or fault.Invalid for a challenge that ended or was
// answered rightly before.
func (a *Accounts) SignInByPasskey(ctx context.Context, who access.Caller, secret access.Secret, response []byte) (Signed, error) {
	if !a.Passkeyed() {
		return Signed{}, errNoPasskeys
	}
	c, err := a.unsealFor(ctx, secret, ForSignIn, who.ID())
	if err != nil {
		return Signed{}, err
	}
	var s Signed
	err = a.store.Update(ctx, func(tx Tx) error {
		var p Passkey
		var owner access.User
		id, credential, cloned, err := a.o.Authenticators.FinishSignIn([]byte(c.State), response, func(credentialID string) (Owner, error) {
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
		if err := c.use(ctx, tx); err != nil {
			return err
		}
		return tx.UsePasskey(ctx, p.ID, credential, a.o.Now())
	})
	if err == nil {
		return s, nil
	}
	if errors.Is(err, errChallenge) {
		return Signed{}, err
	}
	if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound && k != fault.Unauthenticated {
		return Signed{}, err
	}
	if e := a.failed(ctx, who, guess{}, who.Name(), "passkey", nil); e != nil {
		return Signed{}, e
	}
	if errors.Is(err, errCloned) {
		return Signed{}, err
	}
	return Signed{}, errPasskey
}

var (
	errPasskey = fault.New(fault.Unauthenticated, "this passkey does not sign in here: it is not known, or was removed")
	errCloned  = fault.New(fault.Unauthenticated, "this passkey seems to exist twice, so it was refused: sign in another way, remove it and add it anew")
)
