package access

import (
	"context"
	"errors"
	"time"

	"pyindex/internal/fault"
)

// MintedGrace is how long after its expiry a minted token can still commit an upload. The token was valid when the
// request began; a body that takes longer is refused.
const MintedGrace = 5 * time.Minute

// StandingRows are the rows that Caller.Recheck reads.
type StandingRows interface {
	// TokenStanding returns a token without its claims, and its account, which is the zero User for a minted token. It
	// returns fault.NotFound if the token does not exist.
	TokenStanding(ctx context.Context, id string) (Token, User, error)
	// SessionStanding returns a session and its account, or fault.NotFound.
	SessionStanding(ctx context.Context, id string) (Session, User, error)
	TokenProjects(ctx context.Context, tokenID string) ([]string, error)
	TokenReads(ctx context.Context, tokenID string) (Reads, error)
	TokenNames(ctx context.Context, tokenID string) ([]NameRule, error)
	FactorRows
}

// Update runs f in an update of s, with the caller as Recheck returns it. Every change that depends on a caller's
// rights uses it, because the rights may have ended while the request body was being received.
func Update[T StandingRows](ctx context.Context, s interface {
	Update(context.Context, func(T) error) error
}, who Caller, f func(T, Caller) error,
) error {
	return s.Update(ctx, func(tx T) error {
		now, err := who.Recheck(ctx, tx)
		if err != nil {
			return err
		}
		return f(tx, now)
	})
}

// Recheck returns c with the rights that its credential has in this transaction. It rereads scope, projects,
// publishers, grants and administration, and applies the second-factor policy to a session. It returns
// fault.Unauthenticated, with the reason in the message, if the token was revoked or expired, the account disabled, or
// the session ended since c was identified. Anonymous callers and the operator have no credential to recheck.
func (c Caller) Recheck(ctx context.Context, tx StandingRows) (Caller, error) {
	switch {
	case c.sessionID != "":
		return c.recheckSession(ctx, tx)
	case c.tokenID != "":
		return c.recheckToken(ctx, tx)
	case c.kind == KindNobody, c.kind == KindOperator:
		return c, nil
	}
	return Caller{}, fault.New(fault.Unauthenticated,
		"the credential of this request cannot be checked again: sign in, or use an API token")
}

func (c Caller) recheckToken(ctx context.Context, tx StandingRows) (Caller, error) {
	t, u, err := tx.TokenStanding(ctx, c.tokenID)
	if fault.Is(err, fault.NotFound) {
		return Caller{}, fault.Wrap(fault.Unauthenticated, err,
			"this token was deleted during the request, and nothing was changed: %s", c.another())
	} else if err != nil {
		return Caller{}, err
	}
	if !t.RevokedAt.IsZero() {
		return Caller{}, fault.New(fault.Unauthenticated,
			"this token was revoked during the request, and nothing was changed: %s", c.another())
	}
	end := t.ExpiresAt
	if t.Kind == TokenMinted && !end.IsZero() {
		end = end.Add(MintedGrace)
	}
	if !end.IsZero() && !c.clock().Before(end) {
		return Caller{}, fault.New(fault.Unauthenticated,
			"this token expired on %s, during the request, and nothing was changed: %s",
			t.ExpiresAt.UTC().Format("2006-01-02 15:04:05 UTC"), c.another())
	}
	c.scope, c.limited, c.once = t.Scope, t.Limited, t.SingleUse
	if c.kind == KindReader {
		reads, err := tx.TokenReads(ctx, t.ID)
		t.Publisher, t.Claims = c.name, c.claims
		return reader(c, t, reads), err
	}
	c.projects, c.names = nil, nil
	if t.Limited {
		ids, err := tx.TokenProjects(ctx, t.ID)
		if err != nil {
			return Caller{}, err
		}
		c.projects = set(ids)
	}
	if c.kind == KindPublisher {
		t.Publisher, t.Claims = c.name, c.claims
		c.names, err = tx.TokenNames(ctx, t.ID)
		return workload(c, t), err
	}
	return c.recheckPerson(ctx, tx, u)
}

// another returns advice on how to replace a token that ended.
func (c Caller) another() string {
	if c.kind == KindUser || c.kind == KindService {
		return "create a new one and try again"
	}
	return "exchange another identity token and try again"
}

func (c Caller) recheckSession(ctx context.Context, tx StandingRows) (Caller, error) {
	s, u, err := tx.SessionStanding(ctx, c.sessionID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Caller{}, err
	}
	if err == nil && !u.Active() { // that ended the session too, but this message explains more
		return c.recheckPerson(ctx, tx, u)
	}
	if err != nil || !s.EndedAt.IsZero() || !c.clock().Before(s.ExpiresAt) {
		return Caller{}, fault.New(fault.Unauthenticated,
			"your session ended during the request, and nothing was changed: sign in and try again")
	}
	c.confirmedAt, c.enrols, c.scope = s.ConfirmedAt, false, ScopeAdmin
	if c, err = c.recheckPerson(ctx, tx, u); err != nil {
		return Caller{}, err
	}
	if c, err = c.secondFactor(ctx, tx, s); errors.Is(err, errNoSession) {
		return Caller{}, fault.New(fault.Unauthenticated,
			"a second factor was set up for your account during the request, and nothing was changed: sign in with it and try again")
	}
	return c, err
}

func (c Caller) recheckPerson(ctx context.Context, tx StandingRows, u User) (Caller, error) {
	if u.ID == "" || u.ID != c.id || !u.Active() {
		return Caller{}, fault.New(fault.Unauthenticated,
			"the account %s was disabled during the request, and nothing was changed: ask an administrator", c.name)
	}
	if c = c.account(u); c.admin {
		return c, nil // grants add nothing to an administrator's rights
	}
	return c.granted(ctx, tx, rights{})
}

func (c Caller) clock() time.Time {
	if c.now == nil {
		return time.Now()
	}
	return c.now()
}
