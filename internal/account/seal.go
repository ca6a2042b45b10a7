package account

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Challenge is what a browser was given to answer. The browser itself keeps it, in a cookie that only this index can read or
// write, so that beginning writes nothing here. A row says that it was answered, because each can be answered once.
type Challenge struct {
	ID        string
	Kind      ChallengeKind
	UserID    string // who registers or confirms; "" for somebody who signs in
	State     string // what the answer is compared with
	ExpiresAt time.Time
}

// ChallengeKind says what a challenge is for: one for something else does not fit.
type ChallengeKind string

// The kinds of challenge.
const (
	ForSignIn   ChallengeKind = "sign-in"  // by a passkey; also for confirming by one
	ForPasskey  ChallengeKind = "passkey"  // adds a passkey to an account
	ForNewcomer ChallengeKind = "newcomer" // creates an account with a passkey
	ForSignOn   ChallengeKind = "sign-on"  // the way to a provider of single sign-on and back
)

// ChallengeRows keeps which challenges were answered, and the key of all of them.
type ChallengeRows interface {
	// UseChallenge notes that a challenge was answered, and reports whether it was the first time.
	UseChallenge(ctx context.Context, id string, kind ChallengeKind, expires time.Time) (bool, error)
	// DeleteChallengesBefore forgets challenges that ended before t.
	DeleteChallengesBefore(ctx context.Context, t time.Time) error
	// Key returns a key by its name, or fault.NotFound.
	Key(ctx context.Context, name string) (secret string, err error)
	// InsertKey adds a key, unless there is one of that name.
	InsertKey(ctx context.Context, name, secret string, at time.Time) error
}

const (
	challengeLife = 5 * time.Minute
	challengeKey  = "challenges"
	// clockSkew is how far the clocks of replicas may differ before an answered challenge could be answered again.
	clockSkew = 5 * time.Minute
	// keyFresh is how long a process uses the key of challenges before it reads the row again.
	keyFresh = time.Minute
	// maxSealed bounds a sealed challenge, in bytes: browsers keep some 4,000 of a cookie.
	maxSealed = 3800
)

var errChallenge = fault.New(fault.Invalid, "this took too long, or was answered already: try again")

// seal returns the cookie of a challenge. It returns fault.Invalid for one that is too large for a cookie.
func (a *Accounts) seal(ctx context.Context, kind ChallengeKind, userID string, state []byte) (access.Secret, error) {
	key, err := a.sealer(ctx)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(Challenge{rand.Text(), kind, userID, string(state), a.o.Now().Add(challengeLife)})
	if err != nil {
		return "", err
	}
	sealed := base64.RawURLEncoding.EncodeToString(key.Seal(nil, nil, text, []byte(kind)))
	if len(sealed) > maxSealed {
		return "", fault.New(fault.Invalid, "the address to come back to is too long: begin at the sign-in page")
	}
	return access.Secret(sealed), nil
}

// unseal returns the challenge of a cookie, and uses nothing up. Whatever does not fit is fault.Invalid.
func (a *Accounts) unseal(ctx context.Context, sealed access.Secret, kind ChallengeKind) (c Challenge, err error) {
	b, err := base64.RawURLEncoding.DecodeString(sealed.Reveal())
	if err != nil || len(b) == 0 || len(sealed) > maxSealed {
		return c, errChallenge
	}
	key, err := a.sealer(ctx)
	if err != nil {
		return c, err
	}
	text, err := key.Open(nil, nil, b, []byte(kind))
	if err != nil { // made by another replica after the database was restored, perhaps
		if key, err = a.readSealer(ctx); err != nil {
			return c, err
		}
		text, err = key.Open(nil, nil, b, []byte(kind))
	}
	if err != nil || json.Unmarshal(text, &c) != nil || c.Kind != kind || c.ID == "" || !a.o.Now().Before(c.ExpiresAt) {
		return Challenge{}, errChallenge
	}
	return c, nil
}

// unsealFor is unseal for a challenge of a user's, "" for nobody's.
func (a *Accounts) unsealFor(ctx context.Context, sealed access.Secret, kind ChallengeKind, userID string) (Challenge, error) {
	c, err := a.unseal(ctx, sealed, kind)
	if err == nil && c.UserID != userID {
		return Challenge{}, errChallenge
	}
	return c, err
}

// use notes that a challenge was answered. It returns fault.Invalid if it was before: of several answers, one counts.
func (c Challenge) use(ctx context.Context, tx Tx) error {
	first, err := tx.UseChallenge(ctx, c.ID, c.Kind, c.ExpiresAt)
	if err == nil && !first {
		err = errChallenge
	}
	return err
}

// sealer is the key of challenges as it was read at some time.
type sealer struct {
	cipher.AEAD
	readAt time.Time
}

// sealer returns the key of challenges as it was within the last minute. A new one, because the row was deleted or the database
// restored, is so used by all processes after that time, and the one before it opens nothing any longer.
func (a *Accounts) sealer(ctx context.Context) (cipher.AEAD, error) {
	if key := a.key.Load(); key != nil {
		if age := a.o.Now().Sub(key.readAt); 0 <= age && age < keyFresh {
			return key.AEAD, nil
		}
	}
	return a.readSealer(ctx)
}

// readSealer reads the key of challenges, which all replicas share. The first one that needs it makes it.
func (a *Accounts) readSealer(ctx context.Context) (cipher.AEAD, error) {
	var text string
	now := a.o.Now()
	read := func(tx Tx) (err error) {
		text, err = tx.Key(ctx, challengeKey)
		return err
	}
	err := a.store.View(ctx, read)
	if fault.Is(err, fault.NotFound) {
		var fresh [32]byte
		rand.Read(fresh[:])
		err = a.store.Update(ctx, func(tx Tx) error {
			if err := tx.InsertKey(ctx, challengeKey, hex.EncodeToString(fresh[:]), a.o.Now()); err != nil {
				return err
			}
			return read(tx)
		})
	}
	if err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		return nil, err
	}
	key, err := cipher.NewGCMWithRandomNonce(block)
	if err == nil {
		a.key.Store(&sealer{key, now})
	}
	return key, err
}
