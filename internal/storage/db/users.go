package db

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

const (
	newUserColumns = `id, name, admin, password_hash, created_at, disabled_at, invited_by, service`
	userColumns    = newUserColumns + `, credential_changes`
)

func scanUser(r row) (access.User, error) {
	var u access.User
	var created, disabled int64
	err := r.Scan(&u.ID, &u.Name, &u.Admin, &u.PasswordHash, &created, &disabled, &u.InvitedBy, &u.Service,
		&u.CredentialChanges)
	u.CreatedAt, u.DisabledAt = moment(created), moment(disabled)
	return u, err
}

func (t *Tx) InsertUser(ctx context.Context, u access.User) error {
	return t.insert(ctx, "user "+u.Name,
		`INSERT INTO users (`+newUserColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		u.ID, u.Name, u.Admin, u.PasswordHash, micros(u.CreatedAt), micros(u.DisabledAt), u.InvitedBy, u.Service)
}

// UpdateUser implements access.UserRows. It returns fault.NotFound if there is no such user.
func (t *Tx) UpdateUser(ctx context.Context, u access.User) error {
	ok, err := t.did(ctx, `UPDATE users SET admin = $2, password_hash = $3, disabled_at = $4 WHERE id = $1`,
		u.ID, u.Admin, u.PasswordHash, micros(u.DisabledAt))
	if err == nil && !ok {
		return fault.New(fault.NotFound, "no such user")
	}
	return err
}

func (t *Tx) UserByName(ctx context.Context, name string) (access.User, error) {
	return one(ctx, t, "user", scanUser, `SELECT `+userColumns+` FROM users WHERE name = $1`, name)
}

func (t *Tx) UserByID(ctx context.Context, id string) (access.User, error) {
	return one(ctx, t, "user", scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
}

func (t *Tx) Users(ctx context.Context) ([]access.User, error) {
	out, err := many(ctx, t, scanUser, `SELECT `+userColumns+` FROM users ORDER BY name`)
	slices.SortFunc(out, func(a, b access.User) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}
