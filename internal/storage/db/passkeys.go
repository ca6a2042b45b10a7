package db

import (
	"context"
	"time"

	"pyindex/internal/account/challenge"
	"pyindex/internal/account/signin"
)

const passkeyColumns = `id, user_id, credential_id, name, credential, created_at, used_at`

func scanPasskey(r row) (p signin.Passkey, err error) {
	var created, used int64
	err = r.Scan(&p.ID, &p.UserID, &p.CredentialID, &p.Name, &p.Credential, &created, &used)
	p.CreatedAt, p.UsedAt = moment(created), moment(used)
	return p, err
}

func (t *Tx) InsertPasskey(ctx context.Context, p signin.Passkey) error {
	return t.insert(ctx, "passkey",
		`INSERT INTO passkeys (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		p.ID, p.UserID, p.CredentialID, p.Name, p.Credential, micros(p.CreatedAt), micros(p.UsedAt))
}

func (t *Tx) PasskeysOf(ctx context.Context, userID string) ([]signin.Passkey, error) {
	return many(ctx, t, scanPasskey, `SELECT `+passkeyColumns+` FROM passkeys WHERE user_id = $1 ORDER BY created_at, id`,
		userID)
}

func (t *Tx) PasskeyByCredential(ctx context.Context, credentialID string) (signin.Passkey, error) {
	return one(ctx, t, "passkey", scanPasskey, `SELECT `+passkeyColumns+` FROM passkeys WHERE credential_id = $1`,
		credentialID)
}

func (t *Tx) UsePasskey(ctx context.Context, id, credential string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE passkeys SET credential = $2, used_at = $3 WHERE id = $1`, id, credential, micros(at))
	return err
}

func (t *Tx) DeletePasskey(ctx context.Context, userID, id string) (bool, error) {
	return t.did(ctx, `DELETE FROM passkeys WHERE id = $2 AND user_id = $1`, userID, id)
}

// UseChallenge implements challenge.Tx. If several callers try at once, the table's primary key decides.
func (t *Tx) UseChallenge(ctx context.Context, id string, kind challenge.Kind, expires time.Time) (bool, error) {
	return t.did(ctx, `INSERT INTO challenges (hash, user_id, state, expires_at, kind) VALUES ($1, '', '', $2, $3) ON CONFLICT DO NOTHING`,
		id, micros(expires), string(kind))
}

func (t *Tx) Key(ctx context.Context, name string) (string, error) {
	return one(ctx, t, "key", scanText, `SELECT secret FROM keys WHERE name = $1`, name)
}

func (t *Tx) InsertKey(ctx context.Context, name, secret string, at time.Time) error {
	_, err := t.exec(ctx, `INSERT INTO keys (name, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, name,
		secret, micros(at))
	return err
}

func (t *Tx) DeleteChallengesBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM challenges WHERE expires_at < $1`, micros(before))
	return err
}
