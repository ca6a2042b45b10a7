package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// KeyringOptions are the settings of a Keyring. If Now is nil, time.Now is used.
type KeyringOptions struct {
	Now           func() time.Time
	SecondFactor  FactorPolicy // which users need a second factor in pages
	AnonymousRead bool         // whether anonymous callers may read public repositories
}

// Keyring turns credentials into callers. It caches each lookup until the index changes, so a revocation by any process
// takes effect with the next request. It is safe for concurrent use.
type Keyring struct {
	store  Store
	now    func() time.Time
	reads  bool
	factor FactorPolicy

	known    *memo.BySerial[[sha256.Size]byte, *accepted] // by hash of the token
	values   *memo.BySerial[[sha256.Size]byte, *accepted] // by hash of a value of the Authorization header
	sessions *memo.BySerial[string, signedIn]             // by hash of the cookie
	rights   *memo.Weighted[string, rights]               // by user id

	used, seen *uses // of tokens and of sessions
}

// accepted is the cached result of a token lookup.
type accepted struct {
	caller    Caller
	expiresAt time.Time
	noted     atomic.Int64 // when its use was last noted, in Unix nanoseconds
}

const (
	maxKnown  = 20_000      // entries of a few hundred bytes
	maxRights = 16 << 20    // bytes
	noteEvery = time.Minute // last uses are recorded this often at most
)

// NewKeyring returns a keyring over the rows of s.
func NewKeyring(s Store, o KeyringOptions) *Keyring {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Keyring{
		store: s, now: o.Now, reads: o.AnonymousRead, factor: o.SecondFactor, used: newUses(), seen: newUses(),
		known:    memo.NewBySerial[[sha256.Size]byte, *accepted](maxKnown),
		values:   memo.NewBySerial[[sha256.Size]byte, *accepted](maxKnown),
		sessions: memo.NewBySerial[string, signedIn](maxKnown),
		rights: memo.NewWeighted(maxRights, func(_ string, r rights) int64 {
			return 256 + 64*int64(len(r.grants))
		}),
	}
}

// Guest returns the caller for a request without credentials.
func (k *Keyring) Guest() Caller { return Guest(k.reads) }

// Closed reports whether anonymous callers may read nothing.
func (k *Keyring) Closed() bool { return !k.reads }

// Identify returns the caller that an API token belongs to. It returns fault.Unauthenticated, with a message that
// explains the problem, if the token is not valid. It uses user only for the wording of that message.
func (k *Keyring) Identify(ctx context.Context, user string, s Secret) (Caller, error) {
	e, _, err := k.find(ctx, user, s)
	if err != nil {
		return Caller{}, err
	}
	return k.accept(e)
}

// Authorize returns the caller of a value of the Authorization header: that of Identify for the user and the secret
// that parse finds in it, or the error of parse. It remembers the hash of a value that was accepted until the index
// changes, and then looks the token up again. Expiry is checked each time.
func (k *Keyring) Authorize(ctx context.Context, value string,
	parse func(value string) (user string, s Secret, err error),
) (Caller, error) {
	sum := digest(value)
	if at, err := k.store.Stamp(ctx); err == nil {
		if e, ok := k.values.Get(at, sum); ok {
			return k.accept(e)
		}
	}
	user, s, err := parse(value)
	if err != nil {
		return Caller{}, err
	}
	e, at, err := k.find(ctx, user, s)
	if err != nil {
		return Caller{}, err
	}
	k.values.Put(at, sum, e)
	return k.accept(e)
}

// find returns the token of a secret as of a stamp, from the cache if possible. Its expiry is not checked.
func (k *Keyring) find(ctx context.Context, user string, s Secret) (*accepted, memo.Stamp, error) {
	if !WellFormed(s) {
		return nil, memo.Stamp{}, notAToken(user, s)
	}
	sum := digest(s.Reveal())
	at, err := k.store.Stamp(ctx)
	if err != nil {
		return nil, at, err
	}
	e, ok := k.known.Get(at, sum)
	if !ok {
		if e, err = k.load(ctx, hex.EncodeToString(sum[:])); err != nil {
			return nil, at, err
		}
		k.known.Put(at, sum, e)
	}
	return e, at, nil
}

// digest returns the SHA-256 of a text. It does not allocate for texts as long as tokens.
func digest(text string) [sha256.Size]byte {
	var room [192]byte
	return sha256.Sum256(append(room[:0], text...))
}

// accept returns the caller of a token unless it expired, and notes the use.
func (k *Keyring) accept(e *accepted) (Caller, error) {
	now := k.now()
	if !e.expiresAt.IsZero() && !now.Before(e.expiresAt) {
		return Caller{}, expired(e.expiresAt)
	}
	if noted := e.noted.Load(); noted == 0 || now.UnixNano()-noted >= int64(noteEvery) {
		e.noted.Store(now.UnixNano())
		k.used.note(e.caller.tokenID, now)
	}
	return e.caller, nil
}

// Refresh reloads the tokens in the cache after a change, as catalog.Index.Refresh does for pages. It drops tokens that
// are no longer valid.
func (k *Keyring) Refresh(ctx context.Context) error {
	at, err := k.store.Stamp(ctx)
	if err != nil {
		return err
	}
	for _, sum := range k.known.Worn(at) {
		e, err := k.load(ctx, hex.EncodeToString(sum[:]))
		if err == nil {
			k.known.Renew(at, sum, e)
		} else if !fault.Is(err, fault.Unauthenticated) {
			return err
		}
	}
	return nil
}

// notAToken explains why a secret cannot be a token of this index.
func notAToken(user string, s Secret) error {
	switch text := s.Reveal(); {
	case text == "":
		return fault.New(fault.Unauthenticated, "no token was sent: use an API token of this index as the password")
	case strings.HasPrefix(text, TokenPrefix):
		return fault.New(fault.Unauthenticated,
			"this API token is damaged: its checksum is wrong, so it was probably not copied completely")
	case strings.HasPrefix(text, "pypi-"):
		return fault.New(fault.Unauthenticated, "this is not an API token of this index: those begin with %s", TokenPrefix)
	case user == "__token__":
		return fault.New(fault.Unauthenticated, "this is not an API token: tokens of this index begin with %s", TokenPrefix)
	}
	return fault.New(fault.Unauthenticated,
		"passwords do not work here: use __token__ as the user name and an API token as the password")
}

func expired(at time.Time) error {
	return fault.New(fault.Unauthenticated, "this API token expired on %s: create a new one",
		at.UTC().Format("2006-01-02 15:04:05 UTC"))
}

func (k *Keyring) load(ctx context.Context, hash string) (*accepted, error) {
	e := new(accepted)
	err := k.store.View(ctx, func(tx Tx) error {
		t, err := tx.TokenByHash(ctx, hash)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Unauthenticated,
				"this API token is not known here: it belongs to another index, or was deleted")
		} else if err != nil {
			return err
		}
		if !t.RevokedAt.IsZero() {
			return fault.New(fault.Unauthenticated, "this API token was revoked: create a new one")
		}
		e.expiresAt = t.ExpiresAt
		e.caller, err = k.bearer(ctx, tx, t)
		e.caller.now = k.now
		return err
	})
	return e, err
}

func (k *Keyring) bearer(ctx context.Context, tx Tx, t Token) (Caller, error) {
	c := Caller{tokenID: t.ID, scope: t.Scope, limited: t.Limited, once: t.SingleUse}
	if t.Kind == TokenMinted && t.Scope <= ScopeRead {
		reads, err := tx.TokenReads(ctx, t.ID)
		return reader(c, t, reads), err
	}
	if t.Limited {
		ids, err := tx.TokenProjects(ctx, t.ID)
		if err != nil {
			return Caller{}, err
		}
		c.projects = set(ids)
	}
	if t.Kind == TokenMinted {
		var err error
		c.names, err = tx.TokenNames(ctx, t.ID)
		return workload(c, t), err
	}
	c.tokenEnds, c.tokenWarns = t.ExpiresAt, t.EndsSoonFrom()
	return k.person(ctx, tx, c, t.UserID)
}

// workload completes the caller of a minted token. It may upload to its projects, and nothing else.
func workload(c Caller, t Token) Caller {
	c.kind, c.name, c.claims = KindPublisher, t.Publisher, t.Claims
	c.limited, c.scope = true, min(c.scope, ScopeUpload)
	c.grants = make(map[string]Role, len(c.projects))
	for id := range c.projects {
		c.grants[id] = Uploader
	}
	return c
}

// person completes the caller with the user's rights. Grants add nothing to the rights of an administrator's token, and
// one that uploads for thousands of projects would read them again after each upload. Those of other users are read
// again only after they changed.
func (k *Keyring) person(ctx context.Context, tx Tx, c Caller, userID string) (Caller, error) {
	u, err := tx.UserByID(ctx, userID)
	if err != nil {
		return Caller{}, err
	}
	if !u.Active() {
		return Caller{}, fault.New(fault.Unauthenticated, "the account of this API token is disabled: ask an administrator")
	}
	if u.Service && c.sessionID != "" {
		return Caller{}, errNoSession
	}
	if c = c.account(u); c.admin && c.tokenID != "" && !c.limited {
		return c, nil
	}
	known, _, _ := k.rights.Last(u.ID)
	if c, err = c.granted(ctx, tx, known); err == nil && c.mark != 0 && c.mark != known.mark {
		k.rights.Put(memo.Stamp{}, u.ID, rights{c.mark, c.grants}) // the mark takes the place of a stamp
	}
	return c, err
}

// account returns c as the caller of an account, without its grants. A service account administers nothing, whatever
// its rows say.
func (c Caller) account(u User) Caller {
	c.kind, c.id, c.name, c.admin = KindUser, u.ID, u.Name, u.Admin
	if u.Service {
		c.kind, c.admin, c.scope = KindService, false, min(c.scope, ScopeUpload)
	}
	return c
}

func set(ids []string) map[string]struct{} {
	m := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		m[id] = struct{}{}
	}
	return m
}

// Flush writes the last uses noted since the previous call. A crash may lose them.
func (k *Keyring) Flush(ctx context.Context) error {
	used, seen := k.used.take(), k.seen.take()
	if len(used)+len(seen) == 0 {
		return nil
	}
	return k.store.Update(ctx, func(tx Tx) error {
		if err := tx.TouchTokens(ctx, used); err != nil {
			return err
		}
		return tx.TouchSessions(ctx, seen)
	})
}
