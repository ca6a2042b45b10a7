package db

import (
	"context"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
)

// Exchanges implements publishers.Rows. The action is written out because the index on exchanges is for that word alone.
func (t *Tx) Exchanges(ctx context.Context, f publishers.ExchangeFilter) ([]audit.Entry, error) {
	return many(ctx, t, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE action = 'publisher.exchange'
		AND ($1 = '' OR repository_id = $1) AND ($2 = '' OR project = $2) AND ($3 = '' OR subject = $3) AND at >= $4
		ORDER BY at DESC, id DESC LIMIT $5`, f.RepositoryID, f.Project, f.Subject, micros(f.Since), f.Limit)
}

// DeleteExchangesBefore implements publishers.Rows.
func (t *Tx) DeleteExchangesBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM audit WHERE action = 'publisher.exchange' AND at < $1`, micros(before))
	return err
}
