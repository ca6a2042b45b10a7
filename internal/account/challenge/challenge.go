// Package challenge issues challenges to browsers, in cookies that only this index can read.
//
// It promises that issuing a challenge writes nothing to the store. A challenge can be answered once across all
// processes, and expires after five minutes.
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

// Challenge is a question for a browser to answer. The browser keeps it in a sealed cookie, so issuing one writes
// nothing to the store. A row records that it was answered, because each can be answered once.
type Challenge struct {
	ID        string
	Kind      Kind
	UserID    string // id of the registering or confirming user; "" for a sign-in
	State     string // the expected values for the answer
	ExpiresAt time.Time
}

// Kind is the purpose of a challenge. A challenge of one kind is not accepted for another.
type Kind string

// The kinds of challenge.
const (
	ForSignIn   Kind = "sign-in"  // signs in with a passkey, or confirms with one
	ForPasskey  Kind = "passkey"  // adds a passkey to an account
	ForNewcomer Kind = "newcomer" // creates an account with a passkey
	ForSignOn   Kind = "sign-on"  // the round trip to a single sign-on provider
	ForForm     Kind = "form"     // a form that waits for re-authentication
)

// Tx is the set of rows that this package needs in a transaction.
type Tx interface {
	// UseChallenge records that a challenge was answered, and reports whether this was the first time.
	UseChallenge(ctx context.Context, id string, kind Kind, expires time.Time) (bool, error)
	// DeleteChallengesBefore deletes the rows of challenges that expired before t.
	DeleteChallengesBefore(ctx context.Context, t time.Time) error
	// Key returns a key by name, or fault.NotFound.
	Key(ctx context.Context, name string) (secret string, err error)
	// InsertKey adds a key unless the name exists.
	InsertKey(ctx context.Context, name, secret string, at time.Time) error
}

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store[T Tx] interface {
	View(ctx context.Context, f func(T) error) error
	Update(ctx context.Context, f func(T) error) error
}

// Sealer seals and opens challenges. It is safe for concurrent use, and by several processes on one store.
type Sealer[T Tx] struct {
	store Store[T]
	now   func() time.Time
	key   atomic.Pointer[sealingKey]
}

// New returns a sealer that uses the key in the rows of s.
func New[T Tx](s Store[T], now func() time.Time) *Sealer[T] {
	return &Sealer[T]{store: s, now: now}
}

// Sweep deletes the rows of answered challenges some minutes after they expired.
func (s *Sealer[T]) Sweep(ctx context.Context, tx T) error {
	return tx.DeleteChallengesBefore(ctx, s.now().Add(-clockSkew))
}

const (
	challengeLife = 5 * time.Minute
	challengeKey  = "challenges"
	// clockSkew is the allowed difference between the clocks of replicas. With more, a challenge might be answered
	// twice.
	clockSkew = 5 * time.Minute
	// keyFresh is how long a process uses the sealing key before it reads the row again.
	keyFresh = time.Minute
	// maxSealed limits a sealed challenge, in bytes: browsers accept cookies of about 4,000.
	maxSealed = 3800
)

// ErrEnded is returned for an answer that is late or repeated.
var ErrEnded = fault.New(fault.Invalid, "this took too long, or was answered already: try again")

// Seal returns the cookie of a new challenge. It returns fault.Invalid if the challenge is too large for a cookie.
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
		return "", fault.New(fault.Invalid, "the return address is too long: start again from the sign-in page")
	}
	return access.Secret(sealed), nil
}

// Open returns the challenge in a cookie, without using it. It returns fault.Invalid if the cookie is malformed,
// expired or of another kind.
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
	if err != nil { // perhaps sealed by another replica after a restore of the database
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

// OpenFor is like Open, but also requires that the challenge is the given user's. An empty userID is for a sign-in.
func (s *Sealer[T]) OpenFor(ctx context.Context, sealed access.Secret, kind Kind, userID string) (Challenge, error) {
	c, err := s.Open(ctx, sealed, kind)
	if err == nil && c.UserID != userID {
		return Challenge{}, ErrEnded
	}
	return c, err
}

// Use records that the challenge was answered. It returns fault.Invalid if it was answered before.
func (c Challenge) Use(ctx context.Context, tx Tx) error {
	first, err := tx.UseChallenge(ctx, c.ID, c.Kind, c.ExpiresAt)
	if err == nil && !first {
		err = ErrEnded
	}
	return err
}

// sealingKey is the sealing key and the time when it was read.
type sealingKey struct {
	cipher.AEAD
	readAt time.Time
}

// aead returns the sealing key, at most a minute old. If the row was deleted or restored, all processes use the new key
// after that time, and cookies sealed with the old one can no longer be opened.
func (s *Sealer[T]) aead(ctx context.Context) (cipher.AEAD, error) {
	if key := s.key.Load(); key != nil {
		if age := s.now().Sub(key.readAt); 0 <= age && age < keyFresh {
			return key.AEAD, nil
		}
	}
	return s.read(ctx)
}

// read reads the sealing key, which all replicas share. The first replica that needs it creates it.
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
