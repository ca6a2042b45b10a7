package db

import (
	"context"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// NextSerial implements access.Serials. The row remains locked until the transaction ends, so serials follow the order
// of commits.
func (t *Tx) NextSerial(ctx context.Context) (int64, error) {
	if first := t.db.dialect.remember; first != "" {
		if _, err := t.exec(ctx, first); err != nil {
			return 0, err
		}
	}
	n, err := one(ctx, t, "counter", scanNumber, t.db.dialect.next, newMark(), t.db.history.given())
	if fault.Is(err, fault.NotFound) {
		if m, e := t.marked(ctx, restoringMark); e == nil && m.value != 0 {
			return 0, fault.New(fault.Unavailable,
				"a backup is being restored into this index, which accepts no changes meanwhile")
		}
		return 0, fault.New(fault.Unavailable,
			"this index was moved and accepts no changes here: use the new server, or ask its administrator for the address")
	}
	return n, err
}

// Serial returns the serial as committed, by this or another process, at some moment during the call. Concurrent
// callers share one look at the database, but never a look that began before they asked. While the database is down,
// Serial returns the last value for up to Options.Bridge; see Away.
func (d *DB) Serial(ctx context.Context) (int64, error) {
	at, err := d.Stamp(ctx)
	return at.Value, err
}

// Stamp returns the serial and its epoch. The epoch changes if the database came back older or with another history
// than this process has seen. Values cached under an earlier epoch are never valid again.
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

// readStamp reads the stamp from the database.
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

// rememberMark saves the mark of the current serial in serial_marks before the serial is incremented.
const rememberMark = `INSERT INTO serial_marks (slot, value, mark) SELECT value % 4096, value, mark FROM counters WHERE name = 'serial'
	ON CONFLICT (slot) DO UPDATE SET value = excluded.value, mark = excluded.mark`

// moveCounter increments the serial. It matches no row if the index has been moved, or a backup is being restored. $1
// is the mark of the change. $2 is the largest value this process has seen, which is not used again even if the
// database does not know it.
const moveCounter = `UPDATE counters SET value = CASE WHEN value < $2 THEN $2 ELSE value END + 1, mark = $1 WHERE name = 'serial'
	AND NOT EXISTS (SELECT 1 FROM counters WHERE name IN ('` + movedMark + `', '` + restoringMark + `')) RETURNING value`

// look is one look at the serial, shared by all callers that asked before it began.
type look struct {
	done chan struct{}
	at   memo.Stamp
	err  error
}

// looks lets callers share looks.
type looks struct {
	mu      sync.Mutex
	waiting *look // has not begun yet: callers may still join
	turn    sync.Mutex
}

// join waits for the look that is about to begin, or makes one.
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

// lead waits for the running look and then runs l. Other callers depend on l, so l does not end with ctx.
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
