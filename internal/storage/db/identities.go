package db

import (
	"context"
	"time"

	"pyindex/internal/account"
)

// InsertIdentity implements account.Tx. It returns fault.Conflict if the identity is already linked.
func (t *Tx) InsertIdentity(ctx context.Context, issuer, subject, userID string, at time.Time) error {
	return t.insert(ctx, "identity",
		`INSERT INTO identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		issuer, subject, userID, micros(at))
}

func (t *Tx) IdentityUser(ctx context.Context, issuer, subject string) (string, error) {
	return one(ctx, t, "identity", scanText, `SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2`, issuer,
		subject)
}

func (t *Tx) IdentitiesOf(ctx context.Context, userID string) ([]account.LinkedIdentity, error) {
	scan := func(r row) (v account.LinkedIdentity, err error) {
		var at int64
		err = r.Scan(&v.Issuer, &v.Subject, &at)
		v.LinkedAt = moment(at)
		return v, err
	}
	return many(ctx, t, scan,
		`SELECT issuer, subject, created_at FROM identities WHERE user_id = $1 ORDER BY created_at, issuer, subject`, userID)
}

func (t *Tx) DeleteIdentity(ctx context.Context, userID, issuer, subject string) (bool, error) {
	return t.did(ctx, `DELETE FROM identities WHERE issuer = $1 AND subject = $2 AND user_id = $3`, issuer, subject,
		userID)
}
