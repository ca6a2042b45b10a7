package audit

import (
	"context"
	"time"
)

// Keep says how long entries stay in the record. Zero is for ever.
type Keep struct {
	All     time.Duration // every entry
	Refused time.Duration // entries of refusals, if that is shorter
}

// Store runs changes of the record, each in a transaction.
type Store interface {
	Update(ctx context.Context, f func(Rows) error) error
}

// Bounds of one sweep: each transaction is short, because uploads wait for it.
const (
	sweepBatch   = 500
	sweepBatches = 200
)

// Sweep removes entries that were kept long enough, oldest first, in small batches, and returns how many there were.
// What one sweep leaves, the next one removes.
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
