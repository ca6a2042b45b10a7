package db

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/fault"
)

// Bounds on how the database is looked after while a server runs.
const (
	lookEvery = time.Second     // how often Attend asks for the counter when nobody else does
	lookTime  = 2 * time.Second // how long one look at the counter of a server may take
)

// outage knows whether the database answers. While it does not, and for a bounded time, the counter stands where it was
// seen last: nothing can be written, so what readers keep in memory under it stays true for as long as nobody reaches the
// database by another way. The zero outage bridges nothing.
type outage struct {
	bound time.Duration
	now   func() time.Time

	gone  atomic.Bool // since is set: spares the lock
	mu    sync.Mutex
	last  int64
	at    time.Time // of the last look that was answered
	since time.Time // when the database was first found away; zero while it answers
}

// seen notes an answer. Looks may end in another order than they began, and the counter never goes back.
func (o *outage) seen(n int64) {
	if o.bound == 0 {
		return
	}
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.at, o.since = max(o.last, n), now, time.Time{}
	o.gone.Store(false)
}

// lost notes that the database did not answer.
func (o *outage) lost() {
	if o.bound == 0 {
		return
	}
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() && !o.at.IsZero() {
		o.since = now
		o.gone.Store(true)
	}
}

// bridge returns the last counter while the database is away and the time for it is not over.
func (o *outage) bridge() (n int64, away bool) {
	if !o.gone.Load() {
		return 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last, !o.since.IsZero() && o.now().Sub(o.at) <= o.bound
}

// Away returns how long the database has not answered while reads go on from memory, and whether they do.
func (d *DB) Away() (time.Duration, bool) {
	o := &d.outage
	if _, away := o.bridge(); !away {
		return 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now().Sub(o.at), true
}

// Attend keeps the knowledge of the counter fresh until ctx ends, and notices when the database goes and comes. Changed is
// called after a look that found the counter moved, once a second at most.
func (d *DB) Attend(ctx context.Context, changed func(context.Context)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	hints := d.dialect.hints(ctx, d)
	var last int64
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-hints:
		}
		if n, err := d.lookAt(ctx); err == nil && n != last && time.Since(told) >= lookEvery {
			last, told = n, time.Now()
			changed(ctx)
		}
	}
}

// lookAt asks the database for the counter and notes whether it answered.
func (d *DB) lookAt(ctx context.Context) (int64, error) {
	n, err := d.looks.join(ctx, d.readSerial)
	err = d.dialect.explain(err)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fault.Wrap(fault.Unavailable, err, "the database does not answer in time; try again later")
	}
	switch {
	case err == nil:
		d.outage.seen(n)
	case fault.Is(err, fault.Unavailable):
		d.outage.lost()
	}
	return n, err
}

// errAway is what a statement gets while the database is known to be away: the one who waits for it learns at once.
func errAway() error {
	return fault.New(fault.Unavailable, "the database is not available; try again later")
}
