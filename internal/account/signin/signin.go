package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// errPassword is the single answer for an unknown name, an account that is disabled or has no password, and a wrong
// password.
var errPassword = fault.New(fault.Unauthenticated, "the user name or the password is wrong")

// Login is the sign-in form.
type Login struct {
	Name     string
	Password access.Secret
	Device   access.Secret // cookie of a browser used to sign in before, or ""
}

// SignIn checks a name and a password. Every rejection is the same fault.Unauthenticated after the same work. Before
// any work, it returns fault.TooMany after too many wrong attempts, and fault.Unavailable if too many people are
// signing in. If the account has a second factor, the result is only an intermediate step, and the attempt remains
// counted until a code was right.
func (m *Methods) SignIn(ctx context.Context, who access.Caller, in Login) (Signed, error) {
	var u access.User
	var known bool
	err := m.store.View(ctx, func(tx Tx) (err error) {
		if u, err = tx.UserByName(ctx, in.Name); fault.Is(err, fault.NotFound) {
			return nil
		} else if err != nil {
			return err
		}
		known, err = m.knows(ctx, tx, in.Device, u)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	turn, err := m.queue(known)
	if err != nil {
		return Signed{}, err
	}
	defer turn.leave()
	g := passwordGuess(who, in.Name, in.Device, known)
	err = m.store.Update(ctx, func(tx Tx) error {
		_, err := m.reserve(ctx, tx, g)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	fits, err := turn.fits(ctx, cmp.Or(u.PasswordHash, m.unknown()), in.Password)
	if err != nil {
		return Signed{}, m.unjudged(ctx, g, err)
	}
	if !fits || u.PasswordHash == "" || !u.Active() {
		return Signed{}, m.failed(ctx, who, g, u.Name, "password", errPassword)
	}
	s, err := m.passed(ctx, u, g)
	if errors.Is(err, errPassword) {
		return Signed{}, m.failed(ctx, who, g, u.Name, "password", err)
	}
	return s, err
}

// passed returns the result of a correct password, or the step before a second factor. It returns errPassword if the
// password was changed or the account disabled since the check.
func (m *Methods) passed(ctx context.Context, u access.User, g guess) (s Signed, err error) {
	return s, m.store.Update(ctx, func(tx Tx) error {
		now, err := tx.UserByID(ctx, u.ID)
		if err != nil {
			return err
		}
		if now.PasswordHash != u.PasswordHash || !now.Active() {
			return errPassword
		}
		if s, err = m.FirstStep(ctx, tx, now, "password"); err == nil && s.Factor == "" {
			err = m.right(ctx, tx, g)
		}
		return err
	})
}

// FirstStep returns the result of a first step by a method, or the step before a second factor if one is required.
func (m *Methods) FirstStep(ctx context.Context, tx Tx, u access.User, method string) (Signed, error) {
	asks, err := m.asks(ctx, tx, u)
	if err != nil || !asks {
		return Signed{UserID: u.ID, Method: method, Credentials: u.Credentials()}, err
	}
	l, secret := onetime.New(m.o.NewID(), onetime.Factor, m.o.Now(), factorLife)
	l.UserID, l.Origin = u.ID, method
	return Signed{Factor: secret}, tx.InsertLink(ctx, l)
}

// factorLife is how long the step before a second factor is valid.
const factorLife = 10 * time.Minute

// factorTries is how many wrong codes end that step.
const factorTries = 5

// asks reports whether a user needs a second step after the first. Users with an authenticator always do. Users with a
// passkey only do if the settings demand a second factor; signing in with the passkey covers both steps.
func (m *Methods) asks(ctx context.Context, tx Tx, u access.User) (bool, error) {
	t, err := tx.TOTPOf(ctx, u.ID)
	if err == nil && !t.ConfirmedAt.IsZero() {
		return true, nil
	} else if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	demanded, err := m.o.SecondFactor.Demands(ctx, tx, u.ID, u.Admin)
	if err != nil || !demanded {
		return false, err
	}
	return tx.HasSecondFactor(ctx, u.ID)
}

// Code is the second-factor form.
type Code struct {
	Step    access.Secret // as returned by SignIn
	Typed   string
	Device  access.Secret // cookie of a browser used to sign in before, or ""
	Browser string        // browser's description of itself, for display
}

// SecondFactor checks an authenticator code or a recovery code for the step that SignIn left open. It returns
// fault.NotFound if the step ended and the user must enter the password again, fault.Invalid about the field code if
// the code is wrong, and fault.TooMany after too many wrong codes in any steps.
func (m *Methods) SecondFactor(ctx context.Context, who access.Caller, in Code) (Signed, error) {
	var s Signed
	var wrong error
	err := m.store.Update(ctx, func(tx Tx) error {
		l, u, err := onetime.Find(ctx, tx, onetime.Factor, in.Step, m.o.Now())
		if err != nil {
			return err
		}
		known, err := m.knows(ctx, tx, in.Device, u)
		if err != nil {
			return err
		}
		s = Signed{UserID: u.ID, Method: cmp.Or(l.Origin, "password") + "+totp", Credentials: u.Credentials()}
		t := trial{who, u, codeGuess(who, u, in.Device, known), in.Browser}
		wrong, err = m.judge(ctx, tx, t, func() error { return m.factor(ctx, tx, &s, in.Typed) })
		if err != nil {
			return err
		}
		if wrong == nil {
			if cmp.Or(l.Origin, "password") == "password" {
				if err := m.right(ctx, tx, passwordGuess(who, u.Name, in.Device, known)); err != nil {
					return err
				}
			}
			_, err = tx.UseLink(ctx, l.ID, m.o.Now())
			return err
		}
		n, err := tx.TryLink(ctx, l.ID)
		if err == nil && n >= factorTries {
			_, err = tx.UseLink(ctx, l.ID, m.o.Now())
		}
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	if wrong != nil {
		m.box.Wake()
		return Signed{}, wrong
	}
	return s, nil
}

// trial is an attempt at a code: the caller, the user, and the buckets.
type trial struct {
	who     access.Caller
	user    access.User
	guess   guess
	browser string
}

// judge counts an attempt, has use check the code, and counts and records a wrong one, in one transaction. A wrong code
// is the first result and not err, because the transaction must commit for the count.
func (m *Methods) judge(ctx context.Context, tx Tx, t trial, use func() error) (wrong, err error) {
	n, err := m.reserve(ctx, tx, t.guess)
	if err != nil {
		return nil, err
	}
	if wrong = use(); wrong == nil {
		return nil, m.right(ctx, tx, t.guess)
	}
	if !fault.Is(wrong, fault.Invalid) {
		return nil, wrong
	}
	if err := m.wrong(ctx, tx, t.who, t.guess, t.user.Name, "second factor"); err != nil {
		return nil, err
	}
	if n == alarmAfter {
		return wrong, m.alarm(ctx, tx, t)
	}
	return wrong, nil
}

// alarm records that a person is guessing codes of an account and so must know its password, and sends the owner a
// letter.
func (m *Methods) alarm(ctx context.Context, tx Tx, t trial) error {
	e := m.entry(t.who, "account.codes-guessed", t.user.Name, map[string]any{"wrong": alarmAfter})
	e.Outcome = audit.Refused
	if err := tx.InsertAudit(ctx, e); err != nil {
		return err
	}
	return m.box.Alert(ctx, tx, m.o.Name, t.user, codesGuessed,
		outbox.Seen{At: m.o.Now(), Address: t.who.Address(), Browser: t.browser})
}

const codesGuessed = "Someone who knows your password entered ten wrong codes in a row. None was accepted, and further attempts are delayed. Change your password to stop them."

func (m *Methods) factor(ctx context.Context, tx Tx, s *Signed, typed string) error {
	if len(recoveryForm(typed)) == 16 {
		did, err := tx.UseRecovery(ctx, s.UserID, recoveryHash(typed), m.o.Now())
		if err == nil && !did {
			return fault.InField("code", "this recovery code is wrong or was used already")
		}
		first, _, _ := strings.Cut(s.Method, "+")
		s.Method = first + "+recovery"
		return err
	}
	return m.useTOTP(ctx, tx, s.UserID, typed)
}

// recoveryForm removes dashes and blanks from a possible recovery code.
func recoveryForm(typed string) string {
	var out []rune
	for _, c := range typed {
		if c != '-' && c != ' ' {
			out = append(out, c)
		}
	}
	return string(out)
}

// Proof is the form by which a signed-in user confirms their identity: a password, or an authenticator code.
type Proof struct {
	Password access.Secret
	Code     string        // "" if the password was entered
	Device   access.Secret // cookie of a browser used to sign in before, or ""
	Browser  string        // browser's description of itself, for display
}

// Confirm checks the caller's password or code. It returns fault.Invalid about the field if that is wrong, and
// fault.TooMany after many wrong ones; codes share the count of SecondFactor.
func (m *Methods) Confirm(ctx context.Context, who access.Caller, in Proof) error {
	if in.Code != "" {
		return m.confirmByCode(ctx, who, in)
	}
	_, err := m.confirmByPassword(ctx, who, in.Password, fault.InField("password", "this is not your password"))
	return err
}

func (m *Methods) confirmByCode(ctx context.Context, who access.Caller, in Proof) error {
	var wrong error
	err := m.store.Update(ctx, func(tx Tx) error {
		u, err := Self(ctx, tx, who)
		if err != nil {
			return err
		}
		known, err := m.knows(ctx, tx, in.Device, u)
		if err != nil {
			return err
		}
		t := trial{who, u, codeGuess(who, u, in.Device, known), in.Browser}
		wrong, err = m.judge(ctx, tx, t, func() error { return m.useTOTP(ctx, tx, u.ID, in.Code) })
		return err
	})
	if err != nil {
		return err
	}
	if wrong != nil {
		m.box.Wake()
	}
	return wrong
}

// confirmByPassword checks the caller's password and returns the user. It returns the error wrong if the password is
// wrong.
func (m *Methods) confirmByPassword(ctx context.Context, who access.Caller, password access.Secret,
	wrong error,
) (access.User, error) {
	turn, err := m.queue(true)
	if err != nil {
		return access.User{}, err
	}
	defer turn.leave()
	g := guess{bucket: "confirm|" + who.SessionID()}
	var u access.User
	err = m.store.Update(ctx, func(tx Tx) (err error) {
		if u, err = Self(ctx, tx, who); err == nil {
			_, err = m.reserve(ctx, tx, g)
		}
		return err
	})
	if err != nil {
		return u, err
	}
	fits, err := turn.fits(ctx, cmp.Or(u.PasswordHash, m.unknown()), password)
	if err != nil {
		return u, m.unjudged(ctx, g, err)
	}
	if !fits || u.PasswordHash == "" {
		return u, m.failed(ctx, who, g, u.Name, "password", wrong)
	}
	return u, m.store.Update(ctx, func(tx Tx) error { return m.right(ctx, tx, g) })
}

// Remember records that a user signed in with a browser, and returns the cookie that identifies the browser later.
func (m *Methods) Remember(ctx context.Context, userID string) (access.Secret, error) {
	var b [32]byte
	rand.Read(b[:])
	secret := access.Secret(base64.RawURLEncoding.EncodeToString(b[:]))
	return secret, m.store.Update(ctx, func(tx Tx) error {
		return tx.InsertDevice(ctx, access.HashToken(secret), userID, m.o.Now())
	})
}

// Browser returns an identifier of a browser that was used to sign in before, and "" for any other.
func (m *Methods) Browser(ctx context.Context, device access.Secret) string {
	if device == "" {
		return ""
	}
	hash := access.HashToken(device)
	err := m.store.View(ctx, func(tx Tx) error {
		_, err := tx.DeviceOf(ctx, hash)
		return err
	})
	if err != nil {
		return ""
	}
	return hash
}

// Security describes how the caller's account is protected.
type Security struct {
	Password     bool
	TOTP         bool
	RecoveryLeft int
}

// SecurityOf returns how the caller's account is protected.
func (m *Methods) SecurityOf(ctx context.Context, who access.Caller) (s Security, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		u, err := Self(ctx, tx, who)
		if err != nil {
			return err
		}
		s.Password = u.PasswordHash != ""
		t, err := tx.TOTPOf(ctx, u.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		s.TOTP = err == nil && !t.ConfirmedAt.IsZero()
		s.RecoveryLeft, err = tx.RecoveryLeft(ctx, u.ID)
		return err
	})
	return s, err
}

// deviceLife is how long a browser is remembered after a sign-in, as long as its cookie.
const deviceLife = 365 * 24 * time.Hour

// Sweep deletes answered challenges soon after they expired, attempts after a day, and browsers after a year.
func (m *Methods) Sweep(ctx context.Context) error {
	return m.store.Update(ctx, func(tx Tx) error {
		if err := m.challenges.Sweep(ctx, tx); err != nil {
			return err
		}
		if err := tx.DeleteDevicesBefore(ctx, m.o.Now().Add(-deviceLife)); err != nil {
			return err
		}
		return tx.DeleteAttemptsBefore(ctx, m.o.Now().Add(-forgetAfter))
	})
}
