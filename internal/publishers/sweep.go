package publishers

import (
	"context"
	"time"

	"pyindex/internal/audit"
)

// keepMinted is how long a minted token's row stays after its end, so that a late upload is told that it expired.
const keepMinted = 24 * time.Hour

// Sweep forgets what has passed: token ids that can no longer be used, minted tokens a day after their end, old
// exchanges, and pending publishers that nobody used, each of those with an audit entry. It is safe to run at any time and on every replica.
func (r *Registry) Sweep(ctx context.Context) error {
	now := r.o.Now()
	r.rubbish.flush(r.o.Log, now)
	return r.store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteJTIExpiredBefore(ctx, now); err != nil {
			return err
		}
		if _, err := tx.DeleteTokensExpiredBefore(ctx, now.Add(-keepMinted)); err != nil {
			return err
		}
		if err := tx.DeleteExchangesBefore(ctx, now.Add(-r.o.KeepExchanges)); err != nil {
			return err
		}
		gone, err := tx.DeletePendingExpiredBefore(ctx, now)
		if err != nil {
			return err
		}
		for _, p := range gone {
			if err := tx.InsertAudit(ctx, r.pendingEntry("publisher.pending-expired", audit.Actor{Name: "sweeper"}, p)); err != nil {
				return err
			}
		}
		return nil
	})
}
