package custody

import (
	"context"
	"time"

	"pyindex/internal/fault"
)

// Lease holds back all deletions from the store while it is alive, because its holder is reading the content that the
// rows of one moment need. The holder renews it; it is dead once EndsAt has passed.
type Lease struct {
	Name   string // what it is for, such as "backup:" and an id
	Holder string
	Since  time.Time
	EndsAt time.Time
}

// Leased returns a live lease, and false if there is none.
func (k *Keeper) Leased(ctx context.Context) (l Lease, held bool, err error) {
	err = k.store.View(ctx, func(tx Tx) error {
		l, held, err = tx.Leased(ctx)
		return err
	})
	return l, held, err
}

// Free returns fault.Conflict with the reason while a lease holds back deletions.
func (k *Keeper) Free(ctx context.Context) error {
	l, held, err := k.Leased(ctx)
	if err == nil && held {
		err = fault.New(fault.Conflict, "nothing can be removed from the storage while a backup is running, since %s: "+
			"run this again when it is done", l.Since.Format(time.DateTime))
	}
	return err
}
