package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// grace is how long an upload may take between its hold and its row; older holds without a row are taken for crashes.
const grace = 24 * time.Hour

const sweepBatch = 500

// Sweep removes bytes that no row names and stages that were abandoned, and returns how many keys it removed. It needs an
// administrator. It is safe beside uploads and beside another Sweep.
func (x *Index) Sweep(ctx context.Context, who access.Caller) (int, error) {
	if !who.Admin() {
		return 0, fault.New(fault.Denied, "only an administrator may sweep")
	}
	before := x.clock().Add(-grace)
	if err := x.blobs.SweepStages(ctx, before); err != nil {
		return 0, err
	}
	total := 0
	for {
		var keys []string
		err := x.store.Update(ctx, func(tx Tx) (err error) {
			keys, err = tx.AbandonedBlobs(ctx, before, sweepBatch)
			return err
		})
		if err != nil {
			return total, err
		}
		n := x.drop(ctx, keys)
		total += n
		if n < sweepBatch {
			return total, nil
		}
	}
}
