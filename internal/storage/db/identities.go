package db

import (
	"context"
	"time"
)

// InsertIdentity implements account.IdentityRows; fault.Conflict where the identity is somebody's.
func (t *Tx) InsertIdentity(ctx context.Context, issuer, subject, userID string, at time.Time) error {
	return t.insert(ctx, "identity", `INSERT INTO identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		issuer, subject, userID, micros(at))
}

// IdentityUser implements account.IdentityRows.
func (t *Tx) IdentityUser(ctx context.Context, issuer, subject string) (string, error) {
	return one(ctx, t, "identity", scanText, `SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2`, issuer, subject)
}

// HasIdentity implements account.IdentityRows.
func (t *Tx) HasIdentity(ctx context.Context, issuer, userID string) (bool, error) {
	n, err := one(ctx, t, "identity", scanNumber, `SELECT COUNT(*) FROM identities WHERE issuer = $1 AND user_id = $2`, issuer, userID)
	return n > 0, err
}
