package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"pyindex/internal/memo"
)

// trust is how long an unchanged header is trusted without asking SQLite for changes and the file system for a replaced
// file. It limits how long a replacement goes unnoticed.
const trust = 10 * time.Millisecond

// watcher tracks the serial of a SQLite database and notices commits of any process. Its own connection never writes
// and stays open as long as the watcher.
type watcher struct {
	connector driver.Connector
	conn      driver.Conn
	counter   driver.StmtQueryContext
	version   driver.StmtQueryContext
	index     atomic.Pointer[walIndex] // nil if it cannot be mapped
	mapped    []*walIndex              // all mappings so far: a reader may still be using an old one
	seen      atomic.Pointer[sighting]
}

// sighting is a stamp and the database state in which it was read.
type sighting struct {
	stamp   memo.Stamp
	version int64
	header  walHeader
	at      time.Time
}

func watch(ctx context.Context, c driver.Connector, d *DB) (*watcher, error) {
	w := &watcher{connector: c}
	return w, w.open(ctx, d)
}

// open connects to the file that is now at the path.
func (w *watcher) open(ctx context.Context, d *DB) error {
	conn, err := w.connector.Connect(ctx)
	if err != nil {
		return err
	}
	old := [2]driver.StmtQueryContext{w.counter, w.version}
	w.index.Store(nil)
	if w.counter, err = prepareRaw(conn, sightQuery); err == nil {
		w.version, err = prepareRaw(conn, `PRAGMA data_version`)
	}
	if err == nil {
		_, err = w.ask(ctx, d) // makes SQLite open its wal-index
	}
	if err != nil {
		w.counter, w.version = old[0], old[1]
		return errors.Join(err, conn.Close())
	}
	w.conn = conn
	d.file.noteLog()
	if index, err := openWALIndex(d.path + "-shm"); err == nil {
		w.mapped = append(w.mapped, index)
		w.index.Store(index)
	}
	return nil
}

// reopen switches from the old file to its replacement.
func (w *watcher) reopen(ctx context.Context, d *DB) error {
	w.seen.Store(nil)
	file, err := d.file.next()
	if err != nil {
		return err
	}
	d.options.Log.Error("the database file was replaced while the index was running; reopening it", "path", d.path)
	awake, err := wakeSQLite(ctx, d.path)
	if err != nil {
		return err
	}
	old := []driver.Stmt{w.counter.(driver.Stmt), w.version.(driver.Stmt)}
	conn := w.conn
	d.life.renew()
	before := d.file.open.Swap(&file)
	if err := errors.Join(w.open(ctx, d), awake.Close()); err != nil {
		d.file.open.Store(before)
		return err
	}
	for _, s := range old {
		s.Close()
	}
	conn.Close() // errors about the old file no longer matter
	return nil
}

func prepareRaw(c driver.Conn, q string) (driver.StmtQueryContext, error) {
	s, err := c.Prepare(q)
	if err != nil {
		return nil, err
	}
	return s.(driver.StmtQueryContext), nil
}

// quick returns the stamp if nothing has been committed since it was read. It is safe for concurrent use.
func (w *watcher) quick() (memo.Stamp, bool) {
	s, index := w.seen.Load(), w.index.Load()
	if s == nil || index == nil || time.Since(s.at) > trust {
		return memo.Stamp{}, false
	}
	h := index.header()
	return s.stamp, h == s.header && h.whole()
}

// look reads the stamp through SQLite, one caller at a time.
func (w *watcher) look(ctx context.Context, d *DB) (memo.Stamp, error) {
	if d.file.moved() {
		if err := w.reopen(ctx, d); err != nil {
			return memo.Stamp{}, err
		}
	}
	return w.ask(ctx, d)
}

// ask reads header and version before the serial, so that a commit in between is seen twice instead of missed. The
// version does not include the connection's own writes, and this connection never writes.
func (w *watcher) ask(ctx context.Context, d *DB) (memo.Stamp, error) {
	var s sighting
	if index := w.index.Load(); index != nil {
		s.header = index.header()
	}
	var err error
	if s.version, err = number(ctx, w.version); err != nil {
		return memo.Stamp{}, err
	}
	if last := w.seen.Load(); last != nil && last.version == s.version && !d.history.pending() {
		s.stamp = last.stamp
	} else if s.stamp, err = w.read(ctx, d); err != nil {
		return memo.Stamp{}, err
	}
	s.at = time.Now()
	w.seen.Store(&s)
	return s.stamp, nil
}

// read reads the serial and follows it.
func (w *watcher) read(ctx context.Context, d *DB) (memo.Stamp, error) {
	var row [5]driver.Value
	if err := first(ctx, w.counter, row[:], driver.NamedValue{Ordinal: 1, Value: d.history.mark()}); err != nil {
		return memo.Stamp{}, err
	}
	var s sight
	var ok [5]bool
	s.value, ok[0] = row[0].(int64)
	s.epoch, ok[1] = row[1].(string)
	s.began, ok[2] = row[2].(int64)
	s.mark, ok[3] = row[3].(int64)
	s.known, ok[4] = row[4].(int64)
	if slices.Contains(ok[:], false) {
		return memo.Stamp{}, errors.New("the serial's row is garbled")
	}
	return d.follow(ctx, s)
}

func number(ctx context.Context, s driver.StmtQueryContext) (int64, error) {
	var into [1]driver.Value
	if err := first(ctx, s, into[:]); err != nil {
		return 0, err
	}
	n, ok := into[0].(int64)
	if !ok {
		return 0, errors.New("the database returned no number")
	}
	return n, nil
}

// first reads the first row of a statement into the values.
func first(ctx context.Context, s driver.StmtQueryContext, into []driver.Value, args ...driver.NamedValue) error {
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Next(into)
}

// release closes the connection. unmap releases the wal-index later, after the last connection of the handle.
func (w *watcher) release() error {
	return errors.Join(w.counter.(driver.Stmt).Close(), w.version.(driver.Stmt).Close(), w.conn.Close())
}

// unmap releases the wal-indexes. All connections of the handle must be closed.
func (w *watcher) unmap() error {
	var errs []error
	for _, index := range w.mapped {
		errs = append(errs, index.close())
	}
	return errors.Join(errs...)
}
