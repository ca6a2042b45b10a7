package custody

import (
	"context"
	"crypto/rand"
	"errors"
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

// Leases are the rows of leases.
type Leases interface {
	// TakeLease takes a lease that holds back deletions when it returns. It returns fault.Conflict if there is a live one
	// of that name.
	TakeLease(ctx context.Context, name, holder string, length time.Duration) (Lease, error)
	// RenewLease lets a lease live for the given length from now. It returns fault.Conflict if the lease is dead.
	RenewLease(ctx context.Context, name, holder string, length time.Duration) error
	// EndLease ends a lease. It does nothing if the holder has no such lease.
	EndLease(ctx context.Context, name, holder string) error
}

// Term says how long a lease lives after its last renewal, and how often it is renewed.
type Term struct {
	Length, Every time.Duration
	Now           func() time.Time // time.Now if nil
}

// LeaseTerm is the term of the leases of commands.
var LeaseTerm = Term{Length: 5 * time.Minute, Every: 30 * time.Second}

// WithLease runs f while a lease of the given name lives. It ends the context of f if the lease cannot be renewed in
// time, and then returns fault.Unavailable: content that f has yet to read may have been deleted.
func WithLease(ctx context.Context, rows Leases, name string, term Term,
	f func(context.Context, Lease) error,
) (err error) {
	if term.Now == nil {
		term.Now = time.Now
	}
	holder := rand.Text()
	l, err := rows.TakeLease(ctx, name, holder, term.Length)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		term.renew(running, cancel, rows, l)
	}()
	err = f(running, l)
	if cause := context.Cause(running); cause != nil {
		err = cause
	}
	cancel(nil)
	<-stopped
	// The lease would hold back deletions for minutes if it were not ended.
	return errors.Join(err, rows.EndLease(context.WithoutCancel(ctx), name, holder))
}

// renew renews a lease until ctx ends.
func (t Term) renew(ctx context.Context, cancel context.CancelCauseFunc, rows Leases, l Lease) {
	tick := time.NewTicker(t.Every)
	defer tick.Stop()
	for good := l.EndsAt; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := rows.RenewLease(ctx, l.Name, l.Holder, t.Length)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			good = t.Now().Add(t.Length)
		case fault.Is(err, fault.Conflict) || t.Now().After(good):
			cancel(fault.Wrap(fault.Unavailable, err, "this was stopped for so long that stored content may have been "+
				"deleted meanwhile: run it again, which continues with what is already there"))
			return
		}
	}
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
