package db

import (
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
)

const tokenColumns = `id, kind, hash, user_id, scope, description, limited, created_at, expires_at, last_used_at, revoked_at,
	publisher, claims, single_use, spent_at, created_by, replaced_by`

func scanToken(r row) (access.Token, error) {
	var t access.Token
	var scope, claims string
	var created, expires, used, revoked, spent int64
	err := r.Scan(&t.ID, &t.Kind, &t.Hash, &t.UserID, &scope, &t.Description, &t.Limited, &created, &expires, &used,
		&revoked,
		&t.Publisher, &claims, &t.SingleUse, &spent, &t.CreatedBy, &t.ReplacedBy)
	if err != nil {
		return t, err
	}
	t.CreatedAt, t.ExpiresAt, t.LastUsedAt, t.RevokedAt = moment(created), moment(expires), moment(used), moment(revoked)
	t.SpentAt = moment(spent)
	if scope != access.NoScope.String() {
		if t.Scope, err = access.ParseScope(scope); err != nil {
			return t, err
		}
	}
	return t, decode(claims, &t.Claims)
}

// InsertToken implements access.TokenRows. It returns fault.Conflict if the id or the hash already exists.
func (t *Tx) InsertToken(ctx context.Context, v access.Token) error {
	claims, err := encode(v.Claims)
	if err != nil {
		return err
	}
	return t.insert(ctx, "token", `INSERT INTO tokens (`+tokenColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`,
		v.ID, string(v.Kind), v.Hash, v.UserID, v.Scope.String(), v.Description, v.Limited,
		micros(v.CreatedAt), micros(v.ExpiresAt), micros(v.LastUsedAt), micros(v.RevokedAt), v.Publisher, claims,
		v.SingleUse, micros(v.SpentAt), v.CreatedBy, v.ReplacedBy)
}

func (t *Tx) TokenByHash(ctx context.Context, hash string) (access.Token, error) {
	return one(ctx, t, "token", scanToken, `SELECT `+tokenColumns+` FROM tokens WHERE hash = $1`, hash)
}

func (t *Tx) TokenByID(ctx context.Context, id string) (access.Token, error) {
	return one(ctx, t, "token", scanToken, `SELECT `+tokenColumns+` FROM tokens WHERE id = $1`, id)
}

func (t *Tx) Tokens(ctx context.Context, userID string) ([]access.Token, map[string][]string, error) {
	tokens, err := many(ctx, t, scanToken, `SELECT `+tokenColumns+` FROM tokens
		WHERE kind = 'api' AND ($1 = '' OR user_id = $1) ORDER BY created_at, id`, userID)
	if err != nil {
		return nil, nil, err
	}
	names, err := t.tokenProjectNames(ctx, userID)
	return tokens, names, err
}

func (t *Tx) RevokeToken(ctx context.Context, id string, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, id, micros(at))
}

func (t *Tx) RevokeTokensOf(ctx context.Context, userID string, at time.Time) (int64, error) {
	return t.exec(ctx, `UPDATE tokens SET revoked_at = $2 WHERE kind = 'api' AND user_id = $1 AND revoked_at = 0`, userID,
		micros(at))
}

// ReplaceToken implements access.TokenRows. If a token is replaced twice at once, the row decides which call succeeds.
func (t *Tx) ReplaceToken(ctx context.Context, id, by string, at, until time.Time) (bool, error) {
	if !until.After(at) {
		return t.did(ctx, `UPDATE tokens SET replaced_by = $2, revoked_at = $3
			WHERE id = $1 AND kind = 'api' AND replaced_by = '' AND revoked_at = 0`, id, by, micros(at))
	}
	return t.did(ctx, `UPDATE tokens SET replaced_by = $2, warned_at = CASE WHEN warned_at = 0 THEN $3 ELSE warned_at END,
		expires_at = CASE WHEN expires_at = 0 OR expires_at > $4 THEN $4 ELSE expires_at END
		WHERE id = $1 AND kind = 'api' AND replaced_by = '' AND revoked_at = 0`, id, by, micros(at), micros(until))
}

func (t *Tx) TokensCreatedBy(ctx context.Context, userID string) ([]access.Token, error) {
	return many(ctx, t, scanToken, `SELECT `+tokenColumns+` FROM tokens
		WHERE kind = 'api' AND revoked_at = 0 AND created_by = $1 ORDER BY created_at, id`, userID)
}

func (t *Tx) TokensExpiring(ctx context.Context, from, to time.Time) ([]access.Token, error) {
	return many(ctx, t, scanToken,
		`SELECT `+tokenColumns+` FROM tokens WHERE kind = 'api' AND revoked_at = 0 AND warned_at = 0
		AND expires_at > $1 AND expires_at <= $2 ORDER BY expires_at, id`, micros(from), micros(to))
}

// WarnToken implements access.TokenRows. If several processes send a reminder at once, the row decides which one
// succeeds.
func (t *Tx) WarnToken(ctx context.Context, id string, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE tokens SET warned_at = $2 WHERE id = $1 AND warned_at = 0`, id, micros(at))
}

func (t *Tx) UnwarnToken(ctx context.Context, id string) error {
	_, err := t.exec(ctx, `UPDATE tokens SET warned_at = 0 WHERE id = $1`, id)
	return err
}

// SpendToken relies on the token's row if uploads run at once. The later upload waits for the earlier one, and finds
// the token unspent only if the earlier one is rolled back.
func (t *Tx) SpendToken(ctx context.Context, id string, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE tokens SET spent_at = $2 WHERE id = $1 AND spent_at = 0`, id, micros(at))
}

func (t *Tx) TokenSpent(ctx context.Context, id string) (bool, error) {
	token, err := t.TokenByID(ctx, id)
	return err == nil && !token.SpentAt.IsZero(), err
}

// TouchTokens implements access.TokenRows. A time is never set back. Ids are updated in order, so that two processes
// lock the rows in the same order.
func (t *Tx) TouchTokens(ctx context.Context, used map[string]time.Time) error {
	for _, id := range slices.Sorted(maps.Keys(used)) {
		_, err := t.exec(ctx, `UPDATE tokens SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2`, id, micros(used[id]))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) DeleteTokensExpiredBefore(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, `DELETE FROM tokens WHERE kind = 'minted' AND expires_at > 0 AND expires_at < $1`, micros(before))
}

func (t *Tx) TokensTouching(ctx context.Context, repositoryID, projectID string) ([]access.Token, error) {
	return many(ctx, t, scanToken, `SELECT `+tokenColumns+` FROM tokens
		WHERE kind = 'api' AND revoked_at = 0 AND scope IN ('upload', 'admin') AND (limited = TRUE
		AND id IN (SELECT b.token_id FROM token_projects b WHERE b.project_id = $2 AND b.publisher_id = '')
		OR limited = FALSE AND user_id IN (SELECT g.user_id FROM grants g WHERE g.project_id IN ('', $2) AND g.repository_id = $1
		UNION SELECT m.user_id FROM group_members m JOIN group_grants x ON x.group_id = m.group_id WHERE x.project_id IN ('', $2) AND x.repository_id = $1
		UNION SELECT u.id FROM users u WHERE u.admin = TRUE)) ORDER BY created_at, id`, repositoryID, projectID)
}
