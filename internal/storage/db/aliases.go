package db

import (
	"context"
	"time"

	"pyindex/internal/alias"
)

// Aliases returns the database as seen by package alias.
func (d *DB) Aliases() alias.Store { return storeOf[alias.Tx]{d} }

var _ alias.Tx = (*Tx)(nil)

// AddAliasUse implements alias.Tx. The client is that of the later request.
func (t *Tx) AddAliasUse(ctx context.Context, u alias.Use) error {
	_, err := t.exec(ctx, `INSERT INTO alias_uses (day, path, requests, last_at, client) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (day, path) DO UPDATE SET requests = alias_uses.requests + excluded.requests,
		client = CASE WHEN excluded.last_at >= alias_uses.last_at THEN excluded.client ELSE alias_uses.client END,
		last_at = CASE WHEN excluded.last_at >= alias_uses.last_at THEN excluded.last_at ELSE alias_uses.last_at END`,
		micros(u.Day), u.Path, u.Requests, micros(u.LastAt), u.Client)
	return err
}

// AliasUses implements alias.Tx.
func (t *Tx) AliasUses(ctx context.Context, since time.Time) ([]alias.Use, error) {
	scan := func(r row) (u alias.Use, err error) {
		var day, last int64
		err = r.Scan(&day, &u.Path, &u.Requests, &last, &u.Client)
		u.Day, u.LastAt = moment(day), moment(last)
		return u, err
	}
	return many(ctx, t, scan, `SELECT day, path, requests, last_at, client FROM alias_uses WHERE day >= $1
		ORDER BY day, path`, micros(since))
}

// DeleteAliasUsesBefore implements alias.Tx.
func (t *Tx) DeleteAliasUsesBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM alias_uses WHERE day < $1`, micros(before))
	return err
}
