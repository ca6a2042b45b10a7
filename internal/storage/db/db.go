package db

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Options configures Open. The zero value is suitable for production.
type Options struct {
	Now   func() time.Time // time.Now if nil
	NewID func() string    // generates the id of the repository "main"; access.NewID if nil
	Log   *slog.Logger     // logs migrations and database events; nothing is logged if nil
	Conns int              // connections for reading; 0 means 4 on SQLite and 10 on PostgreSQL
	// Bridge is how long the serial keeps its last value while the database does not respond, so that readers can use
	// the values they have in memory. 0 disables bridging. Attend must be running, because it notices when the database
	// is back.
	Bridge time.Duration
	// Restoring opens a database whose restore is not finished, to finish it.
	Restoring bool
	Hook      Hook // for tests: is called for every statement and commit, and can make them fail
}

// filled returns o with defaults for the unset fields.
func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = access.NewID
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect dialect
	options Options
	path    string
	write   *sql.DB
	read    *sql.DB
	line    line // of updates
	// SQLite only: changes of the full-text index, and the generation of the writer that keepUndo prepared, plus 1
	wordsPut, undoes atomic.Int64

	watcher *watcher // SQLite only
	file    *dbFile  // SQLite only
	// SQLite only
	checkpoints *checkpoints
	look        *sql.DB // PostgreSQL only: one connection for reading the serial, independent of slow queries
	looks       looks
	history     history
	outage      outage
	life        life
	server      *pgx.ConnConfig // PostgreSQL only
}

// Path returns the file of a SQLite database, and "" for PostgreSQL.
func (d *DB) Path() string { return d.path }

// Ping checks that the database responds. It returns fault.Unavailable if the database does not. During a bridged
// outage Ping asks nothing and returns nil.
func (d *DB) Ping(ctx context.Context) error {
	if _, away := d.outage.bridge(); away {
		return nil
	}
	err := d.again(func() error {
		var one int64
		return d.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one)
	})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the database does not answer")
	}
	return nil
}

// Close waits for running transactions and closes the database. It closes the writer last: the last connection to a
// SQLite file checkpoints the write-ahead log into the file.
func (d *DB) Close() error {
	var errs []error
	if d.checkpoints != nil {
		errs = append(errs, d.checkpoints.close())
	}
	if d.watcher != nil {
		errs = append(errs, d.watcher.release())
	}
	if d.look != nil {
		errs = append(errs, d.look.Close())
	}
	errs = append(errs, d.read.Close(), d.write.Close())
	if d.watcher != nil {
		errs = append(errs, d.watcher.unmap())
	}
	return errors.Join(errs...)
}
