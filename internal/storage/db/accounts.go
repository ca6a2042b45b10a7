package db

import (
	"context"
	"encoding/json"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

func (t *Tx) PutProfile(ctx context.Context, userID string, p access.Profile) error {
	_, err := t.exec(ctx, `INSERT INTO profiles (user_id, full_name, email) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET full_name = excluded.full_name, email = excluded.email`, userID, p.FullName, p.Email)
	return err
}

func (t *Tx) ProfileOf(ctx context.Context, userID string) (access.Profile, error) {
	scan := func(r row) (p access.Profile, err error) {
		err = r.Scan(&p.FullName, &p.Email)
		return p, err
	}
	return one(ctx, t, "profile", scan, `SELECT full_name, email FROM profiles WHERE user_id = $1`, userID)
}

const linkColumns = `id, hash, kind, user_id, invitation, created_by, created_at, expires_at, used_at, tries, origin, approved_at, approved_by`

func scanLink(r row) (l onetime.Link, err error) {
	var invitation string
	var created, expires, used, tries, approved int64
	if err = r.Scan(&l.ID, &l.Hash, &l.Kind, &l.UserID, &invitation, &l.CreatedBy, &created, &expires, &used, &tries,
		&l.Origin, &approved, &l.ApprovedBy); err != nil {
		return l, err
	}
	l.CreatedAt, l.ExpiresAt, l.UsedAt, l.Tries = moment(created), moment(expires), moment(used), int(tries)
	l.ApprovedAt = moment(approved)
	return l, json.Unmarshal([]byte(invitation), &l.Invitation)
}

func (t *Tx) InsertLink(ctx context.Context, l onetime.Link) error {
	invitation, err := encodeAny(l.Invitation)
	if err != nil {
		return err
	}
	return t.insert(ctx, "link",
		`INSERT INTO links (`+linkColumns+
			`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
		l.ID, l.Hash, string(l.Kind), l.UserID, invitation, l.CreatedBy, micros(l.CreatedAt), micros(l.ExpiresAt),
		micros(l.UsedAt), int64(l.Tries),
		l.Origin, micros(l.ApprovedAt), l.ApprovedBy)
}

func (t *Tx) LinkByHash(ctx context.Context, hash string) (onetime.Link, error) {
	return one(ctx, t, "link", scanLink, `SELECT `+linkColumns+` FROM links WHERE hash = $1`, hash)
}

func (t *Tx) Links(ctx context.Context, kind onetime.Kind, after time.Time) ([]onetime.Link, error) {
	return many(ctx, t, scanLink, `SELECT `+linkColumns+` FROM links WHERE kind = $1 AND used_at = 0 AND expires_at > $2
		ORDER BY created_at DESC, id DESC`, string(kind), micros(after))
}

func (t *Tx) UseLink(ctx context.Context, id string, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE links SET used_at = $2 WHERE id = $1 AND used_at = 0`, id, micros(at))
}

func (t *Tx) TryLink(ctx context.Context, id string) (int, error) {
	n, err := one(ctx, t, "link", scanNumber, `UPDATE links SET tries = tries + 1 WHERE id = $1 RETURNING tries`, id)
	return int(n), err
}

func (t *Tx) EndLinks(ctx context.Context, kind onetime.Kind, userID string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE links SET used_at = $3 WHERE kind = $1 AND used_at = 0 AND ($2 = '' OR user_id = $2)`,
		string(kind), userID, micros(at))
	return err
}

// ApproveLink implements onetime.Tx. If several administrators approve at once, the row decides which of them succeeds.
func (t *Tx) ApproveLink(ctx context.Context, id, by string, at, expires time.Time) (bool, error) {
	return t.did(ctx, `UPDATE links SET approved_at = $2, approved_by = $3, expires_at = $4 WHERE id = $1 AND used_at = 0 AND approved_at = 0`,
		id, micros(at), by, micros(expires))
}

func (t *Tx) EndInvitationsBy(ctx context.Context, userID string, at time.Time) (int64, error) {
	return t.exec(ctx, `UPDATE links SET used_at = $2 WHERE kind = 'invite' AND created_by = $1 AND used_at = 0`, userID,
		micros(at))
}

func (t *Tx) EndResetsBy(ctx context.Context, userID string, at time.Time) (int64, error) {
	return t.exec(ctx, `UPDATE links SET used_at = $2 WHERE kind = 'reset' AND created_by = $1 AND used_at = 0`, userID,
		micros(at))
}

func (t *Tx) DeleteLinksBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM links WHERE expires_at < $1`, micros(before))
	return err
}

func (t *Tx) PutTOTP(ctx context.Context, v signin.TOTP) error {
	_, err := t.exec(ctx,
		`INSERT INTO totps (user_id, secret, created_at, confirmed_at, last_step, session_id) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at,
		confirmed_at = excluded.confirmed_at, last_step = excluded.last_step, session_id = excluded.session_id`,
		v.UserID, v.Secret, micros(v.CreatedAt), micros(v.ConfirmedAt), v.LastStep, v.SessionID)
	return err
}

func (t *Tx) TOTPOf(ctx context.Context, userID string) (signin.TOTP, error) {
	scan := func(r row) (v signin.TOTP, err error) {
		var created, confirmed int64
		err = r.Scan(&v.UserID, &v.Secret, &created, &confirmed, &v.LastStep, &v.SessionID)
		v.CreatedAt, v.ConfirmedAt = moment(created), moment(confirmed)
		return v, err
	}
	return one(ctx, t, "authenticator", scan,
		`SELECT user_id, secret, created_at, confirmed_at, last_step, session_id FROM totps WHERE user_id = $1`, userID)
}

// UseTOTP implements signin.Tx. If a code is entered several times at once, the row decides which attempt succeeds.
func (t *Tx) UseTOTP(ctx context.Context, userID string, step int64, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE totps SET last_step = $2, confirmed_at = CASE WHEN confirmed_at = 0 THEN $3 ELSE confirmed_at END
		WHERE user_id = $1 AND last_step < $2`, userID, step, micros(at))
}

func (t *Tx) DeleteTOTP(ctx context.Context, userID string) error {
	_, err := t.exec(ctx, `DELETE FROM totps WHERE user_id = $1`, userID)
	return err
}

func (t *Tx) PutRecovery(ctx context.Context, userID string, hashes []string) error {
	if _, err := t.exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, userID); err != nil {
		return err
	}
	for _, h := range hashes {
		if err := t.insert(ctx, "recovery code",
			`INSERT INTO recovery_codes (user_id, hash, used_at) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING`, userID,
			h); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) UseRecovery(ctx context.Context, userID, hash string, at time.Time) (bool, error) {
	return t.did(ctx, `UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at = 0`, userID,
		hash, micros(at))
}

func (t *Tx) RecoveryLeft(ctx context.Context, userID string) (int, error) {
	n, err := one(ctx, t, "recovery code", scanNumber,
		`SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at = 0`, userID)
	return int(n), err
}

func (t *Tx) InsertDevice(ctx context.Context, hash, userID string, at time.Time) error {
	return t.insert(ctx, "device",
		`INSERT INTO devices (hash, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, hash, userID,
		micros(at))
}

func (t *Tx) DeviceOf(ctx context.Context, hash string) (string, error) {
	return one(ctx, t, "device", scanText, `SELECT user_id FROM devices WHERE hash = $1`, hash)
}

func (t *Tx) DeleteDevicesBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM devices WHERE created_at < $1`, micros(before))
	return err
}

func (t *Tx) Attempts(ctx context.Context, bucket string) (int, time.Time, error) {
	type tried struct{ n, last int64 }
	scan := func(r row) (v tried, err error) {
		err = r.Scan(&v.n, &v.last)
		return v, err
	}
	v, err := one(ctx, t, "bucket", scan, `SELECT failures, last_at FROM attempts WHERE bucket = $1`, bucket)
	if fault.Is(err, fault.NotFound) {
		return 0, time.Time{}, nil
	}
	return int(v.n), moment(v.last), err
}

func (t *Tx) PutAttempts(ctx context.Context, bucket string, failures int, last time.Time) error {
	_, err := t.exec(ctx, `INSERT INTO attempts (bucket, failures, last_at) VALUES ($1, $2, $3)
		ON CONFLICT (bucket) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at`, bucket, int64(failures), micros(last))
	return err
}

func (t *Tx) DeleteAttemptsBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM attempts WHERE last_at < $1`, micros(before))
	return err
}
