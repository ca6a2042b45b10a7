package db

import (
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
)

const sessionColumns = `id, hash, user_id, method, agent, address, created_at, seen_at, confirmed_at, expires_at, ended_at, factor_at`

func scanSession(r row) (access.Session, error) {
	var s access.Session
	var created, seen, confirmed, expires, ended, factor int64
	err := r.Scan(&s.ID, &s.Hash, &s.UserID, &s.Method, &s.Agent, &s.Address, &created, &seen, &confirmed, &expires,
		&ended, &factor)
	s.CreatedAt, s.SeenAt, s.ConfirmedAt = moment(created), moment(seen), moment(confirmed)
	s.ExpiresAt, s.EndedAt, s.FactorAt = moment(expires), moment(ended), moment(factor)
	return s, err
}

// InsertSession implements access.SessionRows. It returns fault.Conflict if the id or the hash already exists.
func (t *Tx) InsertSession(ctx context.Context, s access.Session) error {
	return t.insert(ctx, "session", `INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		s.ID, s.Hash, s.UserID, s.Method, s.Agent, s.Address,
		micros(s.CreatedAt), micros(s.SeenAt), micros(s.ConfirmedAt), micros(s.ExpiresAt), micros(s.EndedAt),
		micros(s.FactorAt))
}

func (t *Tx) SessionByHash(ctx context.Context, hash string) (access.Session, error) {
	return one(ctx, t, "session", scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash)
}

func (t *Tx) SessionsOf(ctx context.Context, userID string) ([]access.Session, error) {
	return many(ctx, t, scanSession, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 AND ended_at = 0 ORDER BY created_at DESC, id DESC`, userID)
}

func (t *Tx) EndSession(ctx context.Context, userID, id string, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE sessions SET ended_at = $3 WHERE id = $2 AND user_id = $1 AND ended_at = 0`, userID, id,
		micros(at))
}

func (t *Tx) EndSessionsOf(ctx context.Context, userID, except string, at time.Time) (int64, error) {
	if err := t.EndSignIns(ctx, userID, at); err != nil {
		return 0, err
	}
	return t.exec(ctx, `UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at = 0`, userID,
		except, micros(at))
}

func (t *Tx) EndSignIns(ctx context.Context, userID string, at time.Time) error {
	if _, err := t.exec(ctx, `UPDATE users SET credential_changes = credential_changes + 1 WHERE id = $1`,
		userID); err != nil {
		return err
	}
	return t.EndLinks(ctx, onetime.Factor, userID, at)
}

func (t *Tx) ConfirmSession(ctx context.Context, id string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE sessions SET confirmed_at = $2 WHERE id = $1 AND ended_at = 0`, id, micros(at))
	return err
}

func (t *Tx) NoteFactor(ctx context.Context, id string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE sessions SET factor_at = $2 WHERE id = $1`, id, micros(at))
	return err
}

func (t *Tx) HasSecondFactor(ctx context.Context, userID string) (bool, error) {
	n, err := one(ctx, t, "second factor", scanNumber,
		`SELECT (SELECT COUNT(*) FROM totps WHERE user_id = $1 AND confirmed_at > 0)
		+ (SELECT COUNT(*) FROM passkeys WHERE user_id = $1)`, userID)
	return n > 0, err
}

func (t *Tx) MembersRole(ctx context.Context) (most access.Role, err error) {
	all, err := many(ctx, t, scanText, `SELECT DISTINCT members FROM repositories`)
	for _, text := range all {
		role, err := access.ParseRole(text)
		if err != nil {
			return access.NoRole, err
		}
		most = max(most, role)
	}
	return most, err
}

// TouchSessions implements access.SessionRows. Ids are updated in order, as in TouchTokens.
func (t *Tx) TouchSessions(ctx context.Context, seen map[string]time.Time) error {
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		if _, err := t.exec(ctx, `UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2`, id,
			micros(seen[id])); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) DeleteSessionsBefore(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, `DELETE FROM sessions WHERE expires_at < $1 OR ended_at > 0 AND ended_at < $1`, micros(before))
}
