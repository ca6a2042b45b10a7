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

// exchangeQuery builds the query for exchanges. The action is written out because the partial indexes on exchanges
// require it, and only the columns in the filter are compared, so that one of these indexes is used. The time is an
// expression because SQLite, which has no statistics here, would otherwise scan all exchanges by time to find those of
// one project.
func exchangeQuery(f publishers.ExchangeFilter) (string, []any) {
	where, args := ` WHERE action = 'publisher.exchange' AND at + 0 >= $1`, []any{micros(f.Since), f.Limit}
	for _, c := range []struct{ column, want string }{
		{"repository_id", f.RepositoryID}, {"project", f.Project}, {"subject", f.Subject}, {"actor_id", f.Rule},
	} {
		if c.want != "" {
			args = append(args, c.want)
			where += fmt.Sprintf(" AND %s = $%d", c.column, len(args))
		}
	}
	if !f.Before.IsZero() {
		args = append(args, micros(f.Before.At), f.Before.ID)
		where += fmt.Sprintf(" AND (at, id) < ($%d, $%d)", len(args)-1, len(args))
	}
	if f.Whole {
		where += " AND project = ''"
	}
	return `SELECT ` + auditColumns + ` FROM audit` + where + ` ORDER BY at DESC, id DESC LIMIT $2`, args
}

func (t *Tx) TokensGranted(ctx context.Context, repositoryID, project, publisherID string) ([]string, error) {
	return many(ctx, t, scanText, `SELECT subject FROM audit WHERE action = 'publisher.exchange' AND actor_id = $1
		AND repository_id = $2 AND project = $3 AND outcome = 'granted'`, publisherID, repositoryID, project)
}

// selectRuleChanges has the condition of the partial index audit_rules.
const selectRuleChanges = `SELECT ` + auditColumns + ` FROM audit WHERE action IN ('publisher.add', 'publisher.remove')
	AND subject = $1 AND ($2 = '' OR repository_id || '' = $2) AND ($3 = '' OR project || '' = $3) AND outcome = 'granted'
	ORDER BY at DESC, id DESC LIMIT $4`

func (t *Tx) PublisherChanges(ctx context.Context, repositoryID, project, publisherID string, limit int,
) ([]audit.Entry, error) {
	return many(ctx, t, scanAudit, selectRuleChanges, publisherID, repositoryID, project, limit)
}

func (t *Tx) DeleteExchangesBefore(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.exec(ctx, `DELETE FROM audit WHERE id IN (SELECT id FROM audit
		WHERE action = 'publisher.exchange' AND at < $1 ORDER BY at, id LIMIT $2)`, micros(before), limit)
}
