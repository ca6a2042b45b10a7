package access

import (
	"context"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Limits of regeneration.
const (
	MaxTokenOverlap   = 7 * 24 * time.Hour // how long a replaced token can continue to work
	MaxReplacedTokens = 20                 // replaced tokens of one account that still work
)

// Regeneration is the input of RegenerateToken.
type Regeneration struct {
	ID      string
	Overlap time.Duration // how long the old token continues to work, at most MaxTokenOverlap; 0 to end it at once
	Expires time.Duration // lifetime of the new token; 0 for the default
	Endless bool          // the new token never expires, if the settings allow that; Expires must be 0
}

func (g Regeneration) check() error {
	switch {
	case g.Overlap < 0 || g.Overlap > MaxTokenOverlap:
		return fault.InField("overlap", "the old token can work for at most %s more", Days(MaxTokenOverlap))
	case g.Expires < 0 || g.Endless && g.Expires != 0:
		return fault.InField("expires", "a token cannot expire before it is created")
	}
	return nil
}

// RegenerateToken replaces an API token by a new one with the same holder, scope, projects and description, and returns
// it with the new token itself. Its lifetime begins again. A token has no rights of its own, so the new one has those
// that the holder has now. The old token ends with the next request, or after the overlap.
//
// The same callers may regenerate a token as may revoke it; others get fault.NotFound. It returns fault.Conflict if the
// token was revoked or replaced before, if its holder is disabled, if all of its projects were deleted, or if its
// holder would have more than MaxReplacedTokens replaced tokens that still work, or more than MaxServiceTokens tokens
// as a service account. If several calls replace a token at once, one succeeds.
func (d *Directory) RegenerateToken(ctx context.Context, who Caller, g Regeneration) (TokenInfo, Secret, error) {
	if err := g.check(); err != nil {
		return TokenInfo{}, "", err
	}
	secret, now := NewToken(), d.now()
	end, err := d.tokenEnd(NewAPIToken{Expires: g.Expires, Endless: g.Endless}, now)
	if err != nil {
		return TokenInfo{}, "", err
	}
	var out TokenInfo
	may := func(who Caller) bool { return who.Admin() || who.kind == KindUser && who.scope == ScopeAdmin }
	e := d.entry(who, "token.regenerate", audit.Cut(g.ID), nil)
	err = d.changeWith(ctx, who, may, &e, func(tx Tx, who Caller) error {
		old, s, err := managedToken(ctx, tx, who, g.ID)
		if err != nil {
			return err
		}
		out.Token = Token{
			ID: d.newID(), Kind: TokenAPI, Hash: HashToken(secret), UserID: old.UserID, Scope: old.Scope,
			Description: old.Description, Limited: old.Limited, CreatedAt: now, ExpiresAt: end,
		}
		if s.ID != "" {
			out.CreatedBy = who.id
		}
		if out.User, out.Projects, err = replaceable(ctx, tx, old); err != nil {
			return err
		}
		did, err := tx.ReplaceToken(ctx, old.ID, out.ID, now, now.Add(g.Overlap))
		if err != nil {
			return err
		}
		if !did {
			return fault.New(fault.Conflict, "this token was replaced just now: use the new one, or regenerate that")
		}
		e.Detail = map[string]any{
			"token": out.ID, "user": out.User, "scope": out.Scope.String(), "expires": expiresText(out.Token),
			"overlap": g.Overlap.String(),
		}
		s.note(&e)
		if err := d.checkReplaced(ctx, tx, old.UserID, out.User, s.ID != ""); err != nil {
			return err
		}
		return d.insertReplacement(ctx, tx, old, out.Token)
	})
	if err != nil {
		return TokenInfo{}, "", err
	}
	return out, secret, nil
}

// replaceable returns the holder's name and the project names of a token that can be regenerated.
func replaceable(ctx context.Context, tx Tx, old Token) (user string, projects []string, err error) {
	switch {
	case old.Kind != TokenAPI:
		return "", nil, fault.New(fault.NotFound, "only API tokens can be regenerated")
	case !old.RevokedAt.IsZero():
		return "", nil, fault.New(fault.Conflict, "this token was revoked: create a new one")
	case old.ReplacedBy != "":
		return "", nil, fault.New(fault.Conflict, "this token was replaced before: regenerate the new one")
	}
	u, err := tx.UserByID(ctx, old.UserID)
	if err != nil {
		return "", nil, err
	}
	if !u.Active() {
		return "", nil, fault.New(fault.Conflict, "the account %s is disabled: enable it first", u.Name)
	}
	_, names, err := tx.Tokens(ctx, u.ID)
	if err == nil && old.Limited && len(names[old.ID]) == 0 {
		err = fault.New(fault.Conflict, "the projects of this token were deleted: revoke it")
	}
	return u.Name, names[old.ID], err
}

// checkReplaced returns fault.Conflict if the holder of a token that was just replaced has no room for the new one.
func (d *Directory) checkReplaced(ctx context.Context, tx Tx, userID, user string, service bool) error {
	live, replaced, err := d.liveTokens(ctx, tx, userID)
	switch {
	case err != nil:
		return err
	case service && live >= MaxServiceTokens:
		return fault.New(fault.Conflict,
			"%s would have more than %d tokens: revoke one first, or let the old token end at once", user, MaxServiceTokens)
	case replaced > MaxReplacedTokens:
		return fault.New(fault.Conflict,
			"%s has %d replaced tokens that still work: revoke one first, or let the old token end at once",
			user, MaxReplacedTokens)
	}
	return nil
}

func (d *Directory) insertReplacement(ctx context.Context, tx Tx, old, t Token) error {
	if err := tx.InsertToken(ctx, t); err != nil || !old.Limited {
		return err
	}
	ids, err := tx.TokenProjects(ctx, old.ID)
	for _, id := range ids {
		if err := tx.InsertTokenProject(ctx, TokenProject{TokenID: t.ID, ProjectID: id}); err != nil {
			return err
		}
	}
	return err
}
