package db

import (
	"context"
	"time"
)

// ClaimJTI relies on the table's primary key if transactions run at once. The later transaction waits for the earlier
// one, and claims the id only if the earlier one is rolled back.
func (t *Tx) ClaimJTI(ctx context.Context, issuer, jti string, until time.Time) error {
	return t.insert(ctx, "a use of this token",
		`INSERT INTO jtis (issuer, jti, remember_until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		issuer, jti, micros(until))
}

func (t *Tx) DeleteJTIExpiredBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM jtis WHERE remember_until < $1`, micros(before))
	return err
}
