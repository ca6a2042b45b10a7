package db

import (
	"context"

	"pyindex/internal/access"
)

// userOf lists the columns of the joined account. They are empty if there is none.
const userOf = `COALESCE(u.id, ''), COALESCE(u.name, ''), COALESCE(u.admin, FALSE), COALESCE(u.created_at, 0), COALESCE(u.disabled_at, 0), COALESCE(u.service, FALSE)`

// holding is a credential and its account.
type holding[T any] struct {
	of   T
	user access.User
}

// userFields returns the destinations for userOf. end sets the times that were read.
func userFields(u *access.User) (into []any, end func()) {
	var created, disabled int64
	return []any{&u.ID, &u.Name, &u.Admin, &created, &disabled, &u.Service}, func() {
		u.CreatedAt, u.DisabledAt = moment(created), moment(disabled)
	}
}

// TokenStanding implements access.StandingRows with one read by the token's primary key.
func (t *Tx) TokenStanding(ctx context.Context, id string) (access.Token, access.User, error) {
	h, err := one(ctx, t, "token", scanTokenStanding, `SELECT t.id, t.kind, t.user_id, t.scope, t.limited, t.single_use,
		t.expires_at, t.revoked_at, t.spent_at, `+userOf+` FROM tokens t LEFT JOIN users u ON u.id = t.user_id WHERE t.id = $1`, id)
	return h.of, h.user, err
}

func scanTokenStanding(r row) (h holding[access.Token], err error) {
	var scope string
	var expires, revoked, spent int64
	user, end := userFields(&h.user)
	v := &h.of
	err = r.Scan(append([]any{&v.ID, &v.Kind, &v.UserID, &scope, &v.Limited, &v.SingleUse, &expires, &revoked, &spent},
		user...)...)
	if err != nil {
		return h, err
	}
	end()
	v.ExpiresAt, v.RevokedAt, v.SpentAt = moment(expires), moment(revoked), moment(spent)
	if scope != access.NoScope.String() {
		v.Scope, err = access.ParseScope(scope)
	}
	return h, err
}

// SessionStanding implements access.StandingRows with one read by the session's primary key.
func (t *Tx) SessionStanding(ctx context.Context, id string) (access.Session, access.User, error) {
	h, err := one(ctx, t, "session", scanSessionStanding,
		`SELECT s.id, s.user_id, s.method, s.created_at, s.seen_at, s.confirmed_at,
		s.expires_at, s.ended_at, s.factor_at, `+userOf+` FROM sessions s LEFT JOIN users u ON u.id = s.user_id WHERE s.id = $1`, id)
	return h.of, h.user, err
}

func scanSessionStanding(r row) (h holding[access.Session], err error) {
	var created, seen, confirmed, expires, ended, factor int64
	user, end := userFields(&h.user)
	s := &h.of
	err = r.Scan(append([]any{&s.ID, &s.UserID, &s.Method, &created, &seen, &confirmed, &expires, &ended, &factor},
		user...)...)
	if err != nil {
		return h, err
	}
	end()
	s.CreatedAt, s.SeenAt, s.ConfirmedAt = moment(created), moment(seen), moment(confirmed)
	s.ExpiresAt, s.EndedAt, s.FactorAt = moment(expires), moment(ended), moment(factor)
	return h, nil
}
