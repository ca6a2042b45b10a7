package db

import (
	"context"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// NextSerial implements access.Serials. The row stays locked until the transaction ends, so numbers are given out in
// the order of commits.
func (t *Tx) NextSerial(ctx context.Context) (int64, error) {
	scan := func(r row) (n int64, err error) { err = r.Scan(&n); return n, err }
	if first := t.db.dialect.remember; first != "" {
		if _, err := t.exec(ctx, first); err != nil {
			return 0, err
		}
	}
	n, err := one(ctx, t, "counter", scan, t.db.dialect.next, newMark(), t.db.history.given())
	if fault.Is(err, fault.NotFound) {
		return 0, fault.New(fault.Unavailable,
			"this index was moved, and takes no changes here: use the new server, or ask its administrator for the address")
	}
	return n, err
}

// Serial returns the counter as it was committed, by this or another process, at some moment during the call. Callers
// that ask the database at once share one look at it, but never one that began before they asked. While the database is
// away it is the last one, for as long as Options.Bridge says; see Away.
func (d *DB) Serial(ctx context.Context) (int64, error) {
	at, err := d.Stamp(ctx)
	return at.Value, err
}

// Stamp is Serial with the epoch, which changes when the database came back older or with another history than this
// process has seen. What was kept under an earlier epoch is never true again.
func (d *DB) Stamp(ctx context.Context) (memo.Stamp, error) {
	if d.watcher != nil {
		if at, ok := d.watcher.quick(); ok {
			return at, nil
		}
	}
	if at, away := d.outage.bridge(); away {
		return at, nil
	}
	at, err := d.lookAt(ctx)
	if err != nil {
		if last, away := d.outage.bridge(); away {
			return last, nil
		}
	}
	return at, err
}

// readStamp asks the database.
func (d *DB) readStamp(ctx context.Context) (memo.Stamp, error) {
	if d.watcher != nil {
		return d.watcher.look(ctx, d)
	}
	s, err := d.readSight(ctx)
	if err != nil {
		return memo.Stamp{}, err
	}
	return d.follow(ctx, s)
}

func (d *DB) readSight(ctx context.Context) (s sight, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = d.look.QueryRowContext(ctx, sightQuery, d.history.mark()).Scan(s.into()...)
	return s, err
}

// rememberMark puts the mark of the value that is about to be counted on into serial_marks.
const rememberMark = `INSERT INTO serial_marks (slot, value, mark) SELECT value % 4096, value, mark FROM counters WHERE name = 'serial'
	ON CONFLICT (slot) DO UPDATE SET value = excluded.value, mark = excluded.mark`

// moveCounter is a change to an index that was not moved: it has no row where it was. $1 is the mark of the change, and
// $2 the largest value that this process has seen, which is not given again even where the database knows nothing of
// it.
const moveCounter = `UPDATE counters SET value = CASE WHEN value < $2 THEN $2 ELSE value END + 1, mark = $1 WHERE name = 'serial'
	AND NOT EXISTS (SELECT 1 FROM counters WHERE name = '` + movedMark + `') RETURNING value`

// look is one look at the counter, shared by all who asked before it began.
type look struct {
	done chan struct{}
	at   memo.Stamp
	err  error
}

// looks lets callers share looks.
type looks struct {
	mu      sync.Mutex
	waiting *look // has not begun yet: who asks now may join
	turn    sync.Mutex
}

// join takes part in the look that is waiting to begin, or does it.
func (s *looks) join(ctx context.Context, read func(context.Context) (memo.Stamp, error)) (memo.Stamp, error) {
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
	return l.at, l.err
}

// lead waits for the look that is under way and then does l. Others depend on l, so it does not end with ctx.
func (s *looks) lead(ctx context.Context, l *look, read func(context.Context) (memo.Stamp, error)) {
	s.turn.Lock()
	defer s.turn.Unlock()
	defer close(l.done)
	s.mu.Lock()
	s.waiting = nil
	s.mu.Unlock()
	l.at, l.err = read(context.WithoutCancel(ctx))
}

func (l *look) wait(ctx context.Context) (memo.Stamp, error) {
	select {
	case <-l.done:
		return l.at, l.err
	case <-ctx.Done():
		return memo.Stamp{}, ctx.Err()
	}
}
