package db

import (
	"context"
	"sync"

	"pyindex/internal/fault"
)

// NextSerial implements access.Serials. The row stays locked until the transaction ends, so numbers are given out in
// the order of commits.
func (t *Tx) NextSerial(ctx context.Context) (int64, error) {
	scan := func(r row) (n int64, err error) { err = r.Scan(&n); return n, err }
	n, err := one(ctx, t, "counter", scan, t.db.dialect.next)
	if fault.Is(err, fault.NotFound) {
		return 0, fault.New(fault.Unavailable, "this index was moved, and takes no changes here: use the new server, or ask its administrator for the address")
	}
	return n, err
}

// Serial returns the counter as it was committed, by this or another process, at some moment during the call. Callers
// that ask the database at once share one look at it, but never one that began before they asked. While the database is
// away it is the last one, for as long as Options.Bridge says; see Away.
func (d *DB) Serial(ctx context.Context) (int64, error) {
	if d.watcher != nil {
		if n, ok := d.watcher.quick(); ok {
			return n, nil
		}
	}
	if n, away := d.outage.bridge(); away {
		return n, nil
	}
	n, err := d.lookAt(ctx)
	if err != nil {
		if last, away := d.outage.bridge(); away {
			return last, nil
		}
	}
	return n, err
}

func (d *DB) readSerial(ctx context.Context) (n int64, err error) {
	if d.watcher != nil {
		return d.watcher.look(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = d.read.QueryRowContext(ctx, serialQuery).Scan(&n)
	return n, err
}

// moveCounter is a change to an index that was not moved: it has no row where it was.
const moveCounter = `UPDATE counters SET value = value + 1 WHERE name = 'serial'
	AND NOT EXISTS (SELECT 1 FROM counters WHERE name = '` + movedMark + `') RETURNING value`

const serialQuery = `SELECT value FROM counters WHERE name = 'serial'`

// look is one look at the counter, shared by all who asked before it began.
type look struct {
	done  chan struct{}
	value int64
	err   error
}

// looks lets callers share looks.
type looks struct {
	mu      sync.Mutex
	waiting *look // has not begun yet: who asks now may join
	turn    sync.Mutex
}

// join takes part in the look that is waiting to begin, or does it.
func (s *looks) join(ctx context.Context, read func(context.Context) (int64, error)) (int64, error) {
	s.mu.Lock()
	l := s.waiting
	if l != nil {
		s.mu.Unlock()
		return l.wait(ctx)
	}
	l = &look{done: make(chan struct{})}
	s.waiting = l
	s.mu.Unlock()
	s.lead(ctx, l, read)
	return l.value, l.err
}

// lead waits for the look that is under way and then does l. Others depend on l, so it does not end with ctx.
func (s *looks) lead(ctx context.Context, l *look, read func(context.Context) (int64, error)) {
	s.turn.Lock()
	defer s.turn.Unlock()
	defer close(l.done)
	s.mu.Lock()
	s.waiting = nil
	s.mu.Unlock()
	l.value, l.err = read(context.WithoutCancel(ctx))
}

func (l *look) wait(ctx context.Context) (int64, error) {
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
