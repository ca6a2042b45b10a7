package audit

import (
	"context"
	"time"
)

// Keep specifies how long entries are kept. Zero means forever.
type Keep struct {
	All     time.Duration // every entry
	Refused time.Duration // entries of refusals, if shorter
}

// Store runs changes of the audit log, each in a transaction.
type Store interface {
	Update(ctx context.Context, f func(Rows) error) error
}

// Limits of one sweep. Transactions are short, because uploads wait for them.
const (
	sweepBatch   = 500
	sweepBatches = 200
)

// Sweep deletes expired entries, oldest first and in small batches, and returns how many it deleted. The next sweep
// deletes any that one sweep leaves.
func Sweep(ctx context.Context, s Store, k Keep, now time.Time) (removed int64, err error) {
	for _, part := range []struct {
		outcome Outcome
		keep    time.Duration
	}{{"", k.All}, {Refused, k.Refused}} {
		for i := 0; part.keep > 0 && i < sweepBatches; i++ {
			var n int64
			err := s.Update(ctx, func(r Rows) (err error) {
				n, err = r.DeleteAuditBefore(ctx, part.outcome, now.Add(-part.keep), sweepBatch)
				return err
			})
			removed += n
			if err != nil {
				return removed, err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	return removed, nil
}
