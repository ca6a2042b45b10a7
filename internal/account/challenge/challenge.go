// Package challenge gives a browser something to answer, in a cookie that only this index can read.
//
// It promises that beginning writes nothing, that a challenge is answered once in all processes, and that it ends after
// five minutes.
package challenge

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"sync/atomic"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Challenge is what a browser was given to answer. The browser itself keeps it, in a cookie that only this index can
// read or write, so that beginning writes nothing here. A row says that it was answered, because each can be answered
// once.
type Challenge struct {
	ID        string
	Kind      Kind
	UserID    string // who registers or confirms; "" for somebody who signs in
	State     string // what the answer is compared with
	ExpiresAt time.Time
}

// Kind says what a challenge is for: one for something else does not fit.
type Kind string

// The kinds of challenge.
const (
	ForSignIn   Kind = "sign-in"  // by a passkey; also for confirming by one
	ForPasskey  Kind = "passkey"  // adds a passkey to an account
	ForNewcomer Kind = "newcomer" // creates an account with a passkey
	ForSignOn   Kind = "sign-on"  // the way to a provider of single sign-on and back
)

// Tx is what this package needs of a transaction.
type Tx interface {
	// UseChallenge notes that a challenge was answered, and reports whether it was the first time.
	UseChallenge(ctx context.Context, id string, kind Kind, expires time.Time) (bool, error)
	// DeleteChallengesBefore forgets challenges that ended before t.
	DeleteChallengesBefore(ctx context.Context, t time.Time) error
	// Key returns a key by its name, or fault.NotFound.
	Key(ctx context.Context, name string) (secret string, err error)
	// InsertKey adds a key, unless there is one of that name.
	InsertKey(ctx context.Context, name, secret string, at time.Time) error
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store[T Tx] interface {
	View(ctx context.Context, f func(T) error) error
	Update(ctx context.Context, f func(T) error) error
}

// Sealer makes challenges and reads them again. It is safe for concurrent use, and by several processes on one store.
type Sealer[T Tx] struct {
	store Store[T]
	now   func() time.Time
	key   atomic.Pointer[sealingKey]
}

// New returns what seals by the key in the rows of s.
func New[T Tx](s Store[T], now func() time.Time) *Sealer[T] {
	return &Sealer[T]{store: s, now: now}
}

// Sweep forgets in tx which challenges were answered that ended.
func (s *Sealer[T]) Sweep(ctx context.Context, tx T) error {
	return tx.DeleteChallengesBefore(ctx, s.now().Add(-clockSkew))
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

// ErrEnded is for an answer that comes too late, or comes again.
var ErrEnded = fault.New(fault.Invalid, "this took too long, or was answered already: try again")

// Seal returns the cookie of a challenge. It returns fault.Invalid for one that is too large for a cookie.
func (s *Sealer[T]) Seal(ctx context.Context, kind Kind, userID string, state []byte) (access.Secret, error) {
	key, err := s.aead(ctx)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(Challenge{rand.Text(), kind, userID, string(state), s.now().Add(challengeLife)})
	if err != nil {
		return "", err
	}
	sealed := base64.RawURLEncoding.EncodeToString(key.Seal(nil, nil, text, []byte(kind)))
	if len(sealed) > maxSealed {
		return "", fault.New(fault.Invalid, "the address to come back to is too long: begin at the sign-in page")
	}
	return access.Secret(sealed), nil
}

// Open returns the challenge of a cookie, and uses nothing up. Whatever does not fit is fault.Invalid.
func (s *Sealer[T]) Open(ctx context.Context, sealed access.Secret, kind Kind) (c Challenge, err error) {
	b, err := base64.RawURLEncoding.DecodeString(sealed.Reveal())
	if err != nil || len(b) == 0 || len(sealed) > maxSealed {
		return c, ErrEnded
	}
	key, err := s.aead(ctx)
	if err != nil {
		return c, err
	}
	text, err := key.Open(nil, nil, b, []byte(kind))
	if err != nil { // made by another replica after the database was restored, perhaps
		if key, err = s.read(ctx); err != nil {
			return c, err
		}
		text, err = key.Open(nil, nil, b, []byte(kind))
	}
	if err != nil || json.Unmarshal(text, &c) != nil || c.Kind != kind || c.ID == "" || !s.now().Before(c.ExpiresAt) {
		return Challenge{}, ErrEnded
	}
	return c, nil
}

// OpenFor is Open for a challenge of a user's, "" for nobody's.
func (s *Sealer[T]) OpenFor(ctx context.Context, sealed access.Secret, kind Kind, userID string) (Challenge, error) {
	c, err := s.Open(ctx, sealed, kind)
	if err == nil && c.UserID != userID {
		return Challenge{}, ErrEnded
	}
	return c, err
}

// Use notes that a challenge was answered. It returns fault.Invalid if it was before: of several answers, one counts.
func (c Challenge) Use(ctx context.Context, tx Tx) error {
	first, err := tx.UseChallenge(ctx, c.ID, c.Kind, c.ExpiresAt)
	if err == nil && !first {
		err = ErrEnded
	}
	return err
}

// sealingKey is the key of challenges as it was read at some time.
type sealingKey struct {
	cipher.AEAD
	readAt time.Time
}

// aead returns the key of challenges as it was within the last minute. A new one, because the row was deleted or the
// database restored, is so used by all processes after that time, and the one before it opens nothing any longer.
func (s *Sealer[T]) aead(ctx context.Context) (cipher.AEAD, error) {
	if key := s.key.Load(); key != nil {
		if age := s.now().Sub(key.readAt); 0 <= age && age < keyFresh {
			return key.AEAD, nil
		}
	}
	return s.read(ctx)
}

// read reads the key of challenges, which all replicas share. The first one that needs it makes it.
func (s *Sealer[T]) read(ctx context.Context) (cipher.AEAD, error) {
	var text string
	now := s.now()
	read := func(tx T) (err error) {
		text, err = tx.Key(ctx, challengeKey)
		return err
	}
	err := s.store.View(ctx, read)
	if fault.Is(err, fault.NotFound) {
		var fresh [32]byte
		rand.Read(fresh[:])
		err = s.store.Update(ctx, func(tx T) error {
			if err := tx.InsertKey(ctx, challengeKey, hex.EncodeToString(fresh[:]), s.now()); err != nil {
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
		s.key.Store(&sealingKey{key, now})
	}
	return key, err
}
