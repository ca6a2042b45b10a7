package access

import (
	"context"
	"slices"

	"pyindex/internal/fault"
)

// OwnTokens returns the caller's own API tokens that are not revoked, newest first. It requires a session; an API token
// cannot list tokens here.
func (d *Directory) OwnTokens(ctx context.Context, who Caller) ([]TokenInfo, error) {
	if who.sessionID == "" {
		return nil, errNoSession
	}
	return d.tokensOf(ctx, who.id, who.name)
}

// TokensOf returns a user's API tokens that are not revoked, newest first. It requires an administrator.
func (d *Directory) TokensOf(ctx context.Context, who Caller, name string) ([]TokenInfo, error) {
	u, err := d.User(ctx, who, name)
	if err != nil {
		return nil, err
	}
	return d.tokensOf(ctx, u.ID, u.Name)
}

func (d *Directory) tokensOf(ctx context.Context, userID, user string) (out []TokenInfo, err error) {
	err = d.store.View(ctx, func(tx Tx) error {
		tokens, projects, err := tx.Tokens(ctx, userID)
		out = nil
		for i := len(tokens) - 1; i >= 0; i-- {
			if t := tokens[i]; t.RevokedAt.IsZero() {
				out = append(out, TokenInfo{Token: t, User: user, Projects: projects[t.ID]})
			}
		}
		return err
	})
	return out, err
}

// User returns an account by name. It requires an administrator, and returns fault.NotFound if the name is unknown.
func (d *Directory) User(ctx context.Context, who Caller, name string) (u User, err error) {
	if !who.Admin() {
		return User{}, denied("users")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		u, err = userNamed(ctx, tx, name)
		return err
	})
	return u, err
}

// SessionsOf returns the live sessions of a user, newest first. It requires an administrator.
func (d *Directory) SessionsOf(ctx context.Context, who Caller, name string) (out []Session, err error) {
	u, err := d.User(ctx, who, name)
	if err != nil {
		return nil, err
	}
	err = d.store.View(ctx, func(tx Tx) error {
		out, err = tx.SessionsOf(ctx, u.ID)
		return err
	})
	return slices.DeleteFunc(out, func(s Session) bool { return !s.Live(d.now()) }), err
}

// EndSessionsOf ends all sessions of a user. It requires an administrator.
func (d *Directory) EndSessionsOf(ctx context.Context, who Caller, name string) error {
	return d.change(ctx, who, Caller.Admin, d.entry(who, "session.end-all", name, nil), func(tx Tx) error {
		u, err := userNamed(ctx, tx, name)
		if err == nil {
			_, err = tx.EndSessionsOf(ctx, u.ID, "", d.now())
		}
		return err
	})
}

// SetAdmin makes a user an administrator, or ends that. It requires an administrator, and returns fault.Conflict if the
// user is the last active administrator. Password links that a former administrator created end.
func (d *Directory) SetAdmin(ctx context.Context, who Caller, name string, admin bool) error {
	return d.change(ctx, who, Caller.Admin, d.entry(who, "user.admin", name, map[string]any{"admin": admin}),
		func(tx Tx) error {
			u, err := userNamed(ctx, tx, name)
			if err != nil {
				return err
			}
			if u.Service {
				return fault.New(fault.Conflict, "%s is a service account: it cannot be an administrator", name)
			}
			if !admin {
				if err := AnotherAdmin(ctx, tx, u); err != nil {
					return err
				}
				if _, err := tx.EndResetsBy(ctx, u.ID, d.now()); err != nil {
					return err
				}
			}
			u.Admin = admin
			return tx.UpdateUser(ctx, u)
		})
}

// AnotherAdmin returns fault.Conflict if u is the only active administrator. Callers that remove an administrator call
// it in the same transaction.
func AnotherAdmin(ctx context.Context, tx UserRows, u User) error {
	users, err := tx.Users(ctx)
	if err != nil {
		return err
	}
	for _, other := range users {
		if other.ID != u.ID && other.Admin && other.Active() {
			return nil
		}
	}
	if !u.Admin || !u.Active() {
		return nil
	}
	return fault.New(fault.Conflict, "%s is the only administrator: make another user an administrator first", u.Name)
}
