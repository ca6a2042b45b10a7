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

// Parameters of RFC 6238 that authenticators assume: SHA-1, 30 seconds, six digits.
const (
	totpStep  = 30 * time.Second
	totpBytes = 20
	totpDrift = 1 // steps that a clock may be off in either direction
)

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

func code(secret string, step int64) string {
	key, err := base32Plain.DecodeString(secret)
	if err != nil || len(key) == 0 { // anyone could compute the codes of an empty key
		return ""
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash accepts everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// stepOf returns the step that the typed code belongs to, or false. Only ASCII digits are accepted, and blanks are
// ignored, because authenticators display them.
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

// Enrolment is an authenticator key that is not confirmed yet: as text, and as the URI that authenticators scan.
type Enrolment struct{ Secret, URI string }

// BeginTOTP creates a key for the caller's authenticator and replaces an unconfirmed one. Only the session that began
// can see and confirm it. It returns fault.Conflict if the account has a confirmed key, which must be removed first.
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

// PendingTOTP returns the key that the caller's session has not confirmed yet. It returns fault.NotFound if there is
// none, or another session began it.
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

// errNotPending is returned to a session that is not setting up an authenticator.
var errNotPending = fault.New(fault.NotFound, "no authenticator is being set up in this session: start again")

// pendingIn reports whether the key is being set up in the caller's session.
func (t TOTP) pendingIn(who access.Caller) bool {
	return t.ConfirmedAt.IsZero() && t.SessionID != "" && t.SessionID == who.SessionID()
}

// ConfirmTOTP checks the first code. From then on, sign-ins require one. The account's other sessions and unfinished
// sign-ins end, because they did not use one, and the returned recovery codes replace all others. It returns
// fault.Invalid about the field code if the code is wrong, and fault.NotFound unless the caller's session is setting up
// a key.
func (m *Methods) ConfirmTOTP(ctx context.Context, who access.Caller, typed string) (codes []access.Secret, err error) {
	err = m.change(ctx, who, "account.totp", func(tx Tx, u access.User) error {
		// For a confirmed key, this would allow guessing codes without a limit.
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

// beginFactor records that a passkey was set up in the caller's session, before the passkey is stored. If it is the
// account's first second factor, other sessions, unfinished sign-ins and recovery codes end, because they may have been
// created with the password alone.
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

// errKeyLost refuses every code of an authenticator whose key was not in the backup from which the index was restored.
// The account still needs a second factor.
var errKeyLost = fault.InField("code",
	"this index was restored from a backup without the keys of authenticators: sign in with a recovery code or a passkey, or ask an administrator to remove your second factor (index user remove-factors); then set up the authenticator again")

// useTOTP accepts a code of a user's authenticator once.
func (m *Methods) useTOTP(ctx context.Context, tx Tx, userID, typed string) error {
	t, err := tx.TOTPOf(ctx, userID)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "no authenticator is set up")
	} else if err != nil {
		return err
	}
	if t.Secret == "" {
		return errKeyLost
	}
	step, ok := stepOf(t.Secret, typed, m.o.Now())
	if !ok {
		return fault.InField("code",
			"this code is wrong: codes change every 30 seconds, and the clocks of this server and your authenticator must agree")
	}
	did, err := tx.UseTOTP(ctx, userID, step, m.o.Now())
	if err == nil && !did {
		return fault.InField("code", "this code was used already: wait for the next one")
	}
	return err
}

// RemoveTOTP deletes the caller's authenticator and recovery codes.
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

// recoveryCodes is the number of recovery codes of an account.
const recoveryCodes = 10

// NewRecovery replaces the recovery codes and returns the new ones, which cannot be read again. It returns
// fault.Conflict if the account has no second factor. Otherwise an attacker with the password could create codes that
// pass for a second factor later.
func (m *Methods) NewRecovery(ctx context.Context, who access.Caller) (codes []access.Secret, err error) {
	err = m.change(ctx, who, "account.recovery", func(tx Tx, u access.User) (err error) {
		guarded, err := tx.HasSecondFactor(ctx, u.ID)
		if err == nil && !guarded {
			err = fault.New(fault.Conflict,
				"recovery codes replace a second factor: set up an authenticator or a passkey first")
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
		var b [10]byte // 80 bits cannot be guessed, even from the hash
		rand.Read(b[:])
		text := strings.ToLower(base32Plain.EncodeToString(b[:]))
		codes = append(codes, access.Secret(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
		hashes = append(hashes, recoveryHash(text))
	}
	return codes, tx.PutRecovery(ctx, userID, hashes)
}

// recoveryHash returns the stored hash of a recovery code, in any spelling.
func recoveryHash(typed string) string {
	typed = strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(typed))
	return access.HashToken(access.Secret(typed))
}
