package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"
)

// trust is how long a header that does not move is believed without asking SQLite itself. It bounds the harm of a
// wal-index that stopped being the database's, which should not happen while watcher holds its connection.
const trust = time.Second

// watcher knows the counter of a SQLite database and notices when anybody, in whatever process, commits. It has a
// connection of its own that never writes and stays open as long as the watcher.
type watcher struct {
	conn    driver.Conn
	counter driver.StmtQueryContext
	version driver.StmtQueryContext
	index   *walIndex // nil where it cannot be mapped
	seen    atomic.Pointer[sighting]
}

// sighting is a counter and the state of the database in which it was read.
type sighting struct {
	value   int64
	version int64
	header  walHeader
	at      time.Time
}

// watch starts to watch the database of a file.
func watch(ctx context.Context, c driver.Connector, path string) (*watcher, error) {
	conn, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	w := &watcher{conn: conn}
	if w.counter, err = prepareRaw(conn, serialQuery); err == nil {
		w.version, err = prepareRaw(conn, `PRAGMA data_version`)
	}
	if err == nil {
		_, err = w.look(ctx) // makes SQLite open its wal-index
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if index, err := openWALIndex(path + "-shm"); err == nil {
		w.index = index
	}
	return w, nil
}

func prepareRaw(c driver.Conn, q string) (driver.StmtQueryContext, error) {
	s, err := c.Prepare(q)
	if err != nil {
		return nil, err
	}
	return s.(driver.StmtQueryContext), nil
}

// quick returns the counter when nobody has committed since it was read. It may be called by anybody at any time.
func (w *watcher) quick() (int64, bool) {
	s := w.seen.Load()
	if s == nil || w.index == nil || time.Since(s.at) > trust {
		return 0, false
	}
	h := w.index.header()
	return s.value, h == s.header && h.whole()
}

// look asks SQLite, one caller at a time. Header and version are read before the counter: a commit in between is then
// looked at twice and never missed. The version does not count the asking connection's own writes; it has none.
func (w *watcher) look(ctx context.Context) (int64, error) {
	var s sighting
	if w.index != nil {
		s.header = w.index.header()
	}
	var err error
	if s.version, err = number(ctx, w.version); err != nil {
		return 0, err
	}
	if last := w.seen.Load(); last != nil && last.version == s.version {
		s.value = last.value
	} else if s.value, err = number(ctx, w.counter); err != nil {
		return 0, err
	}
	s.at = time.Now()
	w.seen.Store(&s)
	return s.value, nil
}

// number runs a statement that returns one number.
func number(ctx context.Context, s driver.StmtQueryContext) (int64, error) {
	rows, err := s.QueryContext(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var into [1]driver.Value
	if err := rows.Next(into[:]); err != nil {
		return 0, err
	}
	n, ok := into[0].(int64)
	if !ok {
		return 0, errors.New("the database gave no number")
	}
	return n, nil
}

// release closes the connection. The wal-index is let go later, when no connection of the handle is left.
func (w *watcher) release() error {
	return errors.Join(w.counter.(driver.Stmt).Close(), w.version.(driver.Stmt).Close(), w.conn.Close())
}
