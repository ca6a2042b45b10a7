package custody

import (
	"context"
	"fmt"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// grace is how long an upload may take between its hold and its row. Older holds without a row are treated as crashed.
const grace = 24 * time.Hour

const sweepBatch = 500

// Sweep deletes content that no row references and abandoned stages, and returns the number of deleted keys. It needs
// an administrator. It is safe to run beside uploads and another Sweep. It returns a *Leftover if the store did not
// delete everything.
func (k *Keeper) Sweep(ctx context.Context, who access.Caller) (int, error) {
	if !who.Admin() {
		return 0, fault.New(fault.Denied, "only an administrator may sweep")
	}
	now := k.clock()
	if err := k.blobs.SweepStages(ctx, now.Add(-grace)); err != nil {
		return 0, err
	}
	if err := k.store.Update(ctx, func(tx Tx) error { return tx.ForgetSpent(ctx, now.Add(-spentFor)) }); err != nil {
		return 0, err
	}
	interrupted, err := k.sweepWith(ctx, func(tx Tx) ([]string, error) {
		return tx.InterruptedDrops(ctx, now.Add(-dropGrace), sweepBatch)
	})
	if err != nil {
		return interrupted, err
	}
	abandoned, err := k.sweepWith(ctx, func(tx Tx) ([]string, error) {
		return tx.AbandonedBlobs(ctx, now.Add(-grace), sweepBatch)
	})
	return interrupted + abandoned, err
}

// sweepWith drops the keys from find until a batch is not full.
func (k *Keeper) sweepWith(ctx context.Context, find func(Tx) ([]string, error)) (total int, err error) {
	for {
		var keys []string
		err := k.store.Update(ctx, func(tx Tx) (err error) {
			keys, err = find(tx)
			return err
		})
		if err != nil {
			return total, err
		}
		n, left := k.Drop(ctx, keys)
		total += n
		if left > 0 {
			return total, &Leftover{Objects: left, Deleted: fmt.Sprintf("%d stored objects were removed", total)}
		}
		if len(keys) < sweepBatch {
			return total, nil
		}
	}
}
