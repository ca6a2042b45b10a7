package db

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// Bounds on how the database is looked after while a server runs.
const (
	lookEvery = time.Second // how often Attend asks for the counter when nobody else does
	// the same while the database is away, so that all replicas notice soon that it is back
	lookAway = 100 * time.Millisecond
	lookTime = 2 * time.Second // how long one look at the counter of a server may take
)

// outage knows whether the database answers. While it does not, and for a bounded time, the counter stands where it was
// seen last: nothing can be written, so what readers keep in memory under it stays true for as long as nobody reaches
// the database by another way. The zero outage bridges nothing.
type outage struct {
	bound time.Duration
	now   func() time.Time

	gone  atomic.Bool // since is set: spares the lock
	mu    sync.Mutex
	last  memo.Stamp
	at    time.Time // of the last look that was answered
	since time.Time // when the database was first found away; zero while it answers
}

// seen notes an answer. Looks may end in another order than they began, and a stamp never goes back.
func (o *outage) seen(at memo.Stamp) {
	if o.bound == 0 {
		return
	}
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if at.After(o.last) {
		o.last = at
	}
	o.at, o.since = now, time.Time{}
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

// bridge returns the last stamp while the database is away and the time for it is not over.
func (o *outage) bridge() (at memo.Stamp, away bool) {
	if !o.gone.Load() {
		return memo.Stamp{}, false
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

// Attend keeps the knowledge of the counter fresh until ctx ends, and notices when the database goes and comes. Changed
// is called after a look that found the counter moved, once a second at most.
func (d *DB) Attend(ctx context.Context, changed func(context.Context)) {
	next := time.NewTimer(lookEvery)
	defer next.Stop()
	hints := d.dialect.hints(ctx, d)
	var last memo.Stamp
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		case <-hints:
		}
		at, err := d.lookAt(ctx)
		if err == nil && at != last && time.Since(told) >= lookEvery {
			last, told = at, time.Now()
			changed(ctx)
		}
		if _, away := d.outage.bridge(); away {
			next.Reset(lookAway)
		} else {
			next.Reset(lookEvery)
		}
	}
}

// lookAt asks the database for the counter and notes whether it answered. It is away when two looks in turn, the second
// one on a new connection, did not get an answer: one connection that ended, or one slow answer, is no outage.
func (d *DB) lookAt(ctx context.Context) (memo.Stamp, error) {
	return d.looks.join(ctx, func(ctx context.Context) (memo.Stamp, error) {
		before := d.life.now()
		at, err := d.tryLook(ctx)
		if fault.Is(err, fault.Unavailable) {
			d.life.renewFrom(before)
			at, err = d.tryLook(ctx)
		}
		switch {
		case err == nil:
			d.outage.seen(at)
		case fault.Is(err, fault.Unavailable):
			d.outage.lost()
		}
		return at, err
	})
}

// tryLook is one look. ctx does not end; the look has a time of its own.
func (d *DB) tryLook(ctx context.Context) (memo.Stamp, error) {
	at, err := d.readStamp(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return at, fault.Wrap(fault.Unavailable, err, "the database does not answer in time; try again later")
	}
	return at, d.dialect.explain(err)
}

// errAway is what a statement gets while the database is known to be away: the one who waits for it learns at once.
func errAway() error {
	return fault.New(fault.Unavailable, "the database is not available; try again later")
}
