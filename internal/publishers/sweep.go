package publishers

import (
	"context"
	"time"

	"pyindex/internal/audit"
)

// keepMinted is how long an expired minted token is kept, so that a late upload gets an error that says it expired.
const keepMinted = 24 * time.Hour

// Sweep deletes expired rows: token ids that can no longer be used, minted tokens a day after their expiry, old
// exchanges, and unused pending publishers, each with an audit entry. It is safe to run at any time and on every
// replica.
func (r *Registry) Sweep(ctx context.Context) error {
	now := r.o.Now()
	if err := r.sweepExchanges(ctx, now.Add(-r.o.KeepExchanges)); err != nil {
		return err
	}
	return r.store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteJTIExpiredBefore(ctx, now); err != nil {
			return err
		}
		if _, err := tx.DeleteTokensExpiredBefore(ctx, now.Add(-keepMinted)); err != nil {
			return err
		}
		gone, err := tx.DeletePendingExpiredBefore(ctx, now)
		if err != nil {
			return err
		}
		for _, p := range gone {
			if err := tx.InsertAudit(ctx,
				r.pendingEntry("publisher.pending-expired", audit.Actor{Name: "sweeper"}, p)); err != nil {
				return err
			}
		}
		return nil
	})
}

// The batches of deleted exchanges. Each transaction is short, because uploads wait for it. The next sweep continues.
const (
	exchangeBatch   = 500
	exchangeBatches = 200
)

func (r *Registry) sweepExchanges(ctx context.Context, before time.Time) error {
	for range exchangeBatches {
		var n int64
		err := r.store.Update(ctx, func(tx Tx) (err error) {
			n, err = tx.DeleteExchangesBefore(ctx, before, exchangeBatch)
			return err
		})
		if err != nil || n < exchangeBatch {
			return err
		}
	}
	return nil
}
