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

// Intervals at which a running server checks the database.
const (
	lookEvery = time.Second // how often Attend reads the serial if nothing else does
	// the same while the database is down, so that all replicas soon notice when it is back
	lookAway = 100 * time.Millisecond
	lookTime = 2 * time.Second // timeout of one look at the serial of a server
)

// outage tracks whether the database responds. During an outage of limited duration, the serial keeps its last value.
// Nothing can be written, so values cached under that serial remain valid unless the database is changed by another
// route. The zero outage bridges nothing.
type outage struct {
	bound time.Duration
	now   func() time.Time

	gone  atomic.Bool // whether since is set; avoids the lock
	count atomic.Int64
	mu    sync.Mutex
	last  memo.Stamp
	at    time.Time // time of the last successful look
	since time.Time // when the database first failed to respond; zero while it responds
}

// seen records a successful look. Looks may end in a different order than they began, so a stamp never moves back.
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

// lost records that the database did not respond.
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
		o.count.Add(1)
	}
}

// bridge returns the last stamp while the database is down and the bridge time has not passed.
func (o *outage) bridge() (at memo.Stamp, away bool) {
	if !o.gone.Load() {
		return memo.Stamp{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last, !o.since.IsZero() && o.now().Sub(o.at) <= o.bound
}

// Away returns how long the database has been down, and whether reads are served from memory in the meantime.
func (d *DB) Away() (time.Duration, bool) {
	o := &d.outage
	if _, away := o.bridge(); !away {
		return 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now().Sub(o.at), true
}

// Outages returns how often the database went down since the program started. It is 0 if outages are not bridged.
func (d *DB) Outages() int64 { return d.outage.count.Load() }

// Attend keeps the serial up to date until ctx ends, and notices when the database goes down and comes back. It calls
// changed after a look that found a new serial, at most once a second.
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

// lookAt reads the serial and records whether the database responded. The database is down if two looks in a row fail,
// the second one on a new connection. One broken connection or one slow response is not an outage.
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

func (d *DB) tryLook(ctx context.Context) (memo.Stamp, error) {
	at, err := d.readStamp(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return at, fault.Wrap(fault.Unavailable, err, "the database does not answer in time; try again later")
	}
	return at, d.dialect.explain(err)
}

// errAway returns the error for a statement during a known outage, so that its caller need not wait.
func errAway() error {
	return fault.New(fault.Unavailable, "the database is not available; try again later")
}
