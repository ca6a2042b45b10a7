package db

import (
	"context"
	"time"

	"pyindex/internal/account"
	"pyindex/internal/fault"
)

const passkeyColumns = `id, user_id, credential_id, name, credential, created_at, used_at`

func scanPasskey(r row) (p account.Passkey, err error) {
	var created, used int64
	err = r.Scan(&p.ID, &p.UserID, &p.CredentialID, &p.Name, &p.Credential, &created, &used)
	p.CreatedAt, p.UsedAt = moment(created), moment(used)
	return p, err
}

// InsertPasskey implements account.PasskeyRows.
func (t *Tx) InsertPasskey(ctx context.Context, p account.Passkey) error {
	return t.insert(ctx, "passkey", `INSERT INTO passkeys (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		p.ID, p.UserID, p.CredentialID, p.Name, p.Credential, micros(p.CreatedAt), micros(p.UsedAt))
}

// PasskeysOf implements account.PasskeyRows.
func (t *Tx) PasskeysOf(ctx context.Context, userID string) ([]account.Passkey, error) {
	return many(ctx, t, scanPasskey, `SELECT `+passkeyColumns+` FROM passkeys WHERE user_id = $1 ORDER BY created_at, id`, userID)
}

// PasskeyByCredential implements account.PasskeyRows.
func (t *Tx) PasskeyByCredential(ctx context.Context, credentialID string) (account.Passkey, error) {
	return one(ctx, t, "passkey", scanPasskey, `SELECT `+passkeyColumns+` FROM passkeys WHERE credential_id = $1`, credentialID)
}

// UsePasskey implements account.PasskeyRows.
func (t *Tx) UsePasskey(ctx context.Context, id, credential string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE passkeys SET credential = $2, used_at = $3 WHERE id = $1`, id, credential, micros(at))
	return err
}

// DeletePasskey implements account.PasskeyRows.
func (t *Tx) DeletePasskey(ctx context.Context, userID, id string) (bool, error) {
	return t.did(ctx, `DELETE FROM passkeys WHERE id = $2 AND user_id = $1`, userID, id)
}

// InsertChallenge implements account.PasskeyRows.
func (t *Tx) InsertChallenge(ctx context.Context, c account.Challenge) error {
	return t.insert(ctx, "challenge", `INSERT INTO challenges (hash, user_id, state, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		c.Hash, c.UserID, c.State, micros(c.ExpiresAt))
}

// TakeChallenge implements account.PasskeyRows. Removing the row decides between several who try.
func (t *Tx) TakeChallenge(ctx context.Context, hash string) (account.Challenge, error) {
	scan := func(r row) (c account.Challenge, err error) {
		var expires int64
		err = r.Scan(&c.Hash, &c.UserID, &c.State, &expires)
		c.ExpiresAt = moment(expires)
		return c, err
	}
	c, err := one(ctx, t, "challenge", scan, `SELECT hash, user_id, state, expires_at FROM challenges WHERE hash = $1`, hash)
	if err != nil {
		return c, err
	}
	did, err := t.did(ctx, `DELETE FROM challenges WHERE hash = $1`, hash)
	if err == nil && !did {
		err = fault.New(fault.NotFound, "no such challenge")
	}
	return c, err
}

// DeleteChallengesBefore implements account.PasskeyRows.
func (t *Tx) DeleteChallengesBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM challenges WHERE expires_at < $1`, micros(before))
	return err
}
