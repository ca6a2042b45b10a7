package db

import (
	"context"
	"sync"
)

// NextSerial implements access.Serials. The row stays locked until the transaction ends, so numbers are given out in
// the order of commits.
func (t *Tx) NextSerial(ctx context.Context) (int64, error) {
	scan := func(r row) (n int64, err error) { err = r.Scan(&n); return n, err }
	return one(ctx, t, "counter", scan, `UPDATE counters SET value = value + 1 WHERE name = 'serial' RETURNING value`)
}

// Serial returns the counter as it was committed, by this or another process, at some moment during the call. Callers
// that ask at once share one look at the database, but never one that began before they asked.
func (d *DB) Serial(ctx context.Context) (int64, error) {
	n, err := d.serials.look(ctx, func(ctx context.Context) (int64, error) { return d.dialect.serial(ctx, d) })
	return n, d.dialect.explain(err)
}

// look is one look at the counter, shared by all who asked before it began.
type look struct {
	done  chan struct{}
	value int64
	err   error
}

// serials lets callers share looks. On SQLite it also remembers what the last look saw.
type serials struct {
	mu      sync.Mutex
	waiting *look // has not begun yet: who asks now may join
	turn    sync.Mutex

	version, value int64 // guarded by turn
	known          bool
}

// look joins the look that is waiting to begin, or is the one that does it.
func (s *serials) look(ctx context.Context, read func(context.Context) (int64, error)) (int64, error) {
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
func (s *serials) lead(ctx context.Context, l *look, read func(context.Context) (int64, error)) {
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

const serialQuery = `SELECT value FROM counters WHERE name = 'serial'`

func postgresSerial(ctx context.Context, d *DB) (n int64, err error) {
	err = d.look.QueryRowContext(ctx, serialQuery).Scan(&n)
	return n, err
}

// sqliteSerial reads the counter only when another connection has committed something since the last look. SQLite's
// data_version says so without touching a table; it does not count the asking connection's own writes, so this
// connection never writes. The version is read first: a commit in between is then read twice and never missed.
func sqliteSerial(ctx context.Context, d *DB) (int64, error) {
	s := &d.serials
	var version int64
	if err := d.look.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
		return 0, err
	}
	if s.known && version == s.version {
		return s.value, nil
	}
	s.known = false
	if err := d.look.QueryRowContext(ctx, serialQuery).Scan(&s.value); err != nil {
		return 0, err
	}
	s.version, s.known = version, true
	return s.value, nil
}
