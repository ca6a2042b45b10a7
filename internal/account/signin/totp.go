package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Codes are those of RFC 6238 with what authenticators take for granted: SHA-1, 30 seconds, six digits.
const (
	totpStep  = 30 * time.Second
	totpBytes = 20
	totpDrift = 1 // steps that a clock may be off, either way
)

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

// code returns the code of a step.
func code(secret string, step int64) string {
	key, err := base32Plain.DecodeString(secret)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// stepOf returns the step whose code was typed, or false. Only ASCII digits are digits; blanks between them are
// dropped, as authenticators show them.
func stepOf(secret, typed string, now time.Time) (int64, bool) {
	typed = strings.ReplaceAll(typed, " ", "")
	if len(typed) != 6 || strings.Trim(typed, "0123456789") != "" {
		return 0, false
	}
	step := now.Unix() / int64(totpStep/time.Second)
	found, ok := int64(0), false
	for s := step - totpDrift; s <= step+totpDrift; s++ {
		if subtle.ConstantTimeCompare([]byte(code(secret, s)), []byte(typed)) == 1 {
			found, ok = s, true
		}
	}
	return found, ok
}

// Enrolment is the key of a second factor that is not confirmed yet: as text, and as the address that authenticators
// read.
type Enrolment struct{ Secret, URI string }

// BeginTOTP makes a key for the caller's authenticator, in place of one that was not confirmed. Only the session that
// began sees it and can confirm it. It returns fault.Conflict if there is a confirmed one: it is removed first.
func (m *Methods) BeginTOTP(ctx context.Context, who access.Caller) (Enrolment, error) {
	var b [totpBytes]byte
	rand.Read(b[:])
	secret := base32Plain.EncodeToString(b[:])
	err := m.change(ctx, who, "account.totp-begin", func(tx Tx, u access.User) error {
		t, err := tx.TOTPOf(ctx, u.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && !t.ConfirmedAt.IsZero() {
			return fault.New(fault.Conflict, "an authenticator is set up already: remove it first")
		}
		return tx.PutTOTP(ctx, TOTP{UserID: u.ID, Secret: secret, CreatedAt: m.o.Now(), SessionID: who.SessionID()})
	})
	return Enrolment{secret, m.uri(who.Name(), secret)}, err
}

func (m *Methods) uri(user, secret string) string {
	label := url.PathEscape(m.o.Name + ":" + user)
	return "otpauth://totp/" + label + "?" + url.Values{"secret": {secret}, "issuer": {m.o.Name}}.Encode()
}

// PendingTOTP returns the key that the caller's session began with and did not confirm; fault.NotFound for none, and
// for one of another session.
func (m *Methods) PendingTOTP(ctx context.Context, who access.Caller) (e Enrolment, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		u, err := Self(ctx, tx, who)
		if err != nil {
			return err
		}
		t, err := tx.TOTPOf(ctx, u.ID)
		if err == nil && !t.pendingIn(who) {
			return errNotPending
		}
		e = Enrolment{t.Secret, m.uri(u.Name, t.Secret)}
		return err
	})
	return e, err
}

// errNotPending is for a session that is not setting up an authenticator.
var errNotPending = fault.New(fault.NotFound, "no authenticator is being set up in this session: begin again")

// pendingIn reports whether the key is being set up in the caller's session.
func (t TOTP) pendingIn(who access.Caller) bool {
	return t.ConfirmedAt.IsZero() && t.SessionID != "" && t.SessionID == who.SessionID()
}

// ConfirmTOTP takes the first code. From then on the account asks for one; its other sessions and sign-ins end, since
// they never showed one, and it has the recovery codes that are returned and no others. It returns fault.Invalid about
// the field code for a wrong one, and fault.NotFound unless the caller's session is setting one up.
func (m *Methods) ConfirmTOTP(ctx context.Context, who access.Caller, typed string) (codes []access.Secret, err error) {
	err = m.change(ctx, who, "account.totp", func(tx Tx, u access.User) error {
		// With one that is confirmed, this would be a way to guess its codes that nothing slows down.
		if t, err := tx.TOTPOf(ctx, u.ID); err == nil && !t.pendingIn(who) {
			return errNotPending
		}
		if err := m.useTOTP(ctx, tx, u.ID, typed); err != nil {
			return err
		}
		if err := tx.NoteFactor(ctx, who.SessionID(), m.o.Now()); err != nil {
			return err
		}
		if _, err := tx.EndSessionsOf(ctx, u.ID, who.SessionID(), m.o.Now()); err != nil {
			return err
		}
		codes, err = putRecovery(ctx, tx, u.ID)
		return err
	})
	return codes, err
}

// beginFactor notes that a passkey was set up in the caller's session, before it is kept. If it is the account's first
// second factor, other sessions and sign-ins end, and recovery codes too: whoever made any needed the password alone.
func (m *Methods) beginFactor(ctx context.Context, tx Tx, who access.Caller, u access.User) error {
	if err := tx.NoteFactor(ctx, who.SessionID(), m.o.Now()); err != nil {
		return err
	}
	guarded, err := tx.HasSecondFactor(ctx, u.ID)
	if err != nil || guarded {
		return err
	}
	if err := tx.PutRecovery(ctx, u.ID, nil); err != nil {
		return err
	}
	_, err = tx.EndSessionsOf(ctx, u.ID, who.SessionID(), m.o.Now())
	return err
}

// useTOTP takes a code of a user's authenticator, once.
func (m *Methods) useTOTP(ctx context.Context, tx Tx, userID, typed string) error {
	t, err := tx.TOTPOf(ctx, userID)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "no authenticator is set up")
	} else if err != nil {
		return err
	}
	step, ok := stepOf(t.Secret, typed, m.o.Now())
	if !ok {
		return fault.InField("code",
			"this code is not right: codes change every 30 seconds, and the clocks of this server and of the authenticator must agree")
	}
	did, err := tx.UseTOTP(ctx, userID, step, m.o.Now())
	if err == nil && !did {
		return fault.InField("code", "this code was used already: wait for the next one")
	}
	return err
}

// RemoveTOTP takes the caller's authenticator and recovery codes away.
func (m *Methods) RemoveTOTP(ctx context.Context, who access.Caller) error {
	return m.change(ctx, who, "account.totp-remove", func(tx Tx, u access.User) error {
		if err := tx.PutRecovery(ctx, u.ID, nil); err != nil {
			return err
		}
		if err := tx.EndSignIns(ctx, u.ID, m.o.Now()); err != nil {
			return err
		}
		return tx.DeleteTOTP(ctx, u.ID)
	})
}

// recoveryCodes is how many recovery codes an account has.
const recoveryCodes = 10

// NewRecovery makes new recovery codes in place of the old ones. They can be seen this once. It returns fault.Conflict
// for an account without a second factor: codes that somebody makes who knows only the password would pass for one
// later.
func (m *Methods) NewRecovery(ctx context.Context, who access.Caller) (codes []access.Secret, err error) {
	err = m.change(ctx, who, "account.recovery", func(tx Tx, u access.User) (err error) {
		guarded, err := tx.HasSecondFactor(ctx, u.ID)
		if err == nil && !guarded {
			err = fault.New(fault.Conflict,
				"recovery codes stand in for a second factor: set up an authenticator or a passkey first")
		}
		if err != nil {
			return err
		}
		codes, err = putRecovery(ctx, tx, u.ID)
		return err
	})
	return codes, err
}

func putRecovery(ctx context.Context, tx Tx, userID string) ([]access.Secret, error) {
	var codes []access.Secret
	var hashes []string
	for range recoveryCodes {
		var b [10]byte // 80 bits: more than anybody guesses, even from the hash
		rand.Read(b[:])
		text := strings.ToLower(base32Plain.EncodeToString(b[:]))
		codes = append(codes, access.Secret(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
		hashes = append(hashes, recoveryHash(text))
	}
	return codes, tx.PutRecovery(ctx, userID, hashes)
}

// recoveryHash is what rows keep of a recovery code, however it is spelled.
func recoveryHash(typed string) string {
	typed = strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(typed))
	return access.HashToken(access.Secret(typed))
}
