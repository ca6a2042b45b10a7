package db

import (
	"context"
	"fmt"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
)

func (t *Tx) Exchanges(ctx context.Context, f publishers.ExchangeFilter) ([]audit.Entry, error) {
	q, args := exchangeQuery(f)
	return many(ctx, t, scanAudit, q, args...)
}

// exchangeQuery asks for exchanges. The action is written out because the indexes on exchanges are for that word
// alone, and only what is asked for is compared, so that one of them is used. The time is an expression because SQLite,
// which has no statistics here, would otherwise walk through everybody's exchanges by time for those of one project.
func exchangeQuery(f publishers.ExchangeFilter) (string, []any) {
	where, args := ` WHERE action = 'publisher.exchange' AND at + 0 >= $1`, []any{micros(f.Since), f.Limit}
	for _, c := range []struct{ column, want string }{
		{"repository_id", f.RepositoryID}, {"project", f.Project}, {"subject", f.Subject},
	} {
		if c.want != "" {
			args = append(args, c.want)
			where += fmt.Sprintf(" AND %s = $%d", c.column, len(args))
		}
	}
	return `SELECT ` + auditColumns + ` FROM audit` + where + ` ORDER BY at DESC, id DESC LIMIT $2`, args
}

func (t *Tx) DeleteExchangesBefore(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.exec(ctx, `DELETE FROM audit WHERE id IN (SELECT id FROM audit
		WHERE action = 'publisher.exchange' AND at < $1 ORDER BY at, id LIMIT $2)`, micros(before), limit)
}
