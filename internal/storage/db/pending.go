package db

import (
	"context"
	"time"

	"pyindex/internal/publishers"
)

const pendingColumns = `id, repository_id, project, display, registrant, created_at, expires_at,
	publisher_id, issuer, provider, lookup, fields, owner_id, publisher_created_at, publisher_created_by`

func scanPending(r row) (publishers.Pending, error) {
	var p publishers.Pending
	var of publisherRow
	var created, expires int64
	err := r.Scan(append([]any{&p.ID, &p.RepositoryID, &p.Project, &p.Display, &p.Registrant, &created, &expires},
		of.into()...)...)
	if err != nil {
		return p, err
	}
	p.CreatedAt, p.ExpiresAt = moment(created), moment(expires)
	p.Publisher, err = of.value()
	return p, err
}

func (t *Tx) InsertPending(ctx context.Context, p publishers.Pending) error {
	of := p.Publisher
	fields, err := encode(of.Fields)
	if err != nil {
		return err
	}
	return t.insert(ctx, "this pending publisher for "+p.Project, `INSERT INTO pending_publishers (`+pendingColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING`,
		p.ID, p.RepositoryID, p.Project, p.Display, p.Registrant, micros(p.CreatedAt), micros(p.ExpiresAt),
		of.ID, of.Issuer, of.Provider, of.Lookup, fields, of.OwnerID, micros(of.CreatedAt), of.CreatedBy)
}

func (t *Tx) PendingFor(ctx context.Context, issuer string, keys ...publishers.Key) ([]publishers.Pending, error) {
	where, args := keyed(issuer, keys)
	return many(ctx, t, scanPending, `SELECT `+pendingColumns+` FROM pending_publishers p `+where, args...)
}

func (t *Tx) PendingPinnedTo(ctx context.Context, f publishers.PinFilter) ([]publishers.Pending, error) {
	return many(ctx, t, scanPending, `SELECT `+pendingColumns+` FROM pending_publishers p `+pinnedTo, pinnedArgs(f)...)
}

func (t *Tx) PendingAll(ctx context.Context) ([]publishers.Pending, error) {
	return many(ctx, t, scanPending, `SELECT `+pendingColumns+` FROM pending_publishers ORDER BY created_at, id`)
}

func (t *Tx) DeletePending(ctx context.Context, id string) (bool, error) {
	return t.did(ctx, `DELETE FROM pending_publishers WHERE id = $1`, id)
}

func (t *Tx) DeletePendingExpiredBefore(ctx context.Context, before time.Time) ([]publishers.Pending, error) {
	return many(ctx, t, scanPending,
		`DELETE FROM pending_publishers WHERE expires_at > 0 AND expires_at < $1 RETURNING `+pendingColumns, micros(before))
}

// DeletePendingFor implements catalog.Tx. If exceptUserID is "", all of them are deleted.
func (t *Tx) DeletePendingFor(ctx context.Context, repositoryID, project, exceptUserID string) ([]string, error) {
	return many(ctx, t, scanText, `DELETE FROM pending_publishers WHERE repository_id = $1 AND project = $2
		AND (registrant <> $3 OR $3 = '') RETURNING id`, repositoryID, project, exceptUserID)
}
