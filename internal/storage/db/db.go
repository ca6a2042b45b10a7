package db

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"pyindex/internal/fault"
)

// Options are choices for Open. The zero value is right for production.
type Options struct {
	Now   func() time.Time // time.Now when nil
	NewID func() string    // random UUIDs when nil; used for the repository "main"
	Log   *slog.Logger     // what migrations did; nothing is logged when nil
	Conns int              // connections for reading; 0 means 4 on SQLite and 10 on PostgreSQL
	// Bridge is for how long the counter stands still while the database does not answer, so that readers go on with what
	// they have in memory; 0 for not at all. It needs Attend to run, which notices when the database is back.
	Bridge time.Duration
	Hook   Hook // for tests: sees every statement and commit, and may make it fail
}

// filled returns o with what was left out.
func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// DB is an open database. It is safe for use by many goroutines.
type DB struct {
	dialect dialect
	options Options
	path    string
	write   *sql.DB
	read    *sql.DB
	watcher *watcher // SQLite alone
	file    *dbFile  // SQLite alone
	look    *sql.DB  // PostgreSQL alone: one connection for the counter, whatever else is slow
	looks   looks
	history history
	outage  outage
	life    life
	server  *pgx.ConnConfig // PostgreSQL alone
}

// Open opens the database at url, "sqlite:" and a file's path or "postgres://…", and brings its tables up to date.
// A SQLite file and its folder are made when missing, readable by their owner alone. Afterwards the repository "main"
// exists. A database of a newer program, an unknown scheme or an unusable file is fault.Invalid with what to do about
// it; a server that does not answer is fault.Unavailable.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	o = o.filled()
	d, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	d.outage.bound, d.outage.now = o.Bridge, o.Now
	if err := d.prepare(ctx); err != nil {
		d.Close()
		return nil, d.dialect.explain(err)
	}
	return d, nil
}

// connect makes the handles for a URL; no statement runs yet.
func connect(url string, o Options) (*DB, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return connectSQLite(rest, o)
	case "postgres", "postgresql":
		return connectPostgres(url, o)
	}
	return nil, fault.New(fault.Invalid,
		"database %q is not known: use sqlite:/path/index.db or postgres://user@host/name", scheme+":")
}

// prepare makes a new handle ready for use.
func (d *DB) prepare(ctx context.Context) error {
	if err := d.dialect.check(ctx, d.write); err != nil {
		return err
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	if err := d.ensureMain(ctx); err != nil {
		return err
	}
	if err := d.ensureEpoch(ctx); err != nil {
		return err
	}
	return d.dialect.watch(ctx, d)
}

// Path returns the file of a SQLite database, and "" for a server.
func (d *DB) Path() string { return d.path }

// Ping asks the database for an answer; fault.Unavailable when there is none. While it is away and reads go on without
// it, nothing is asked and nothing is wrong.
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

// Close waits for what is running and closes the database. The writer goes last: the last connection to a SQLite file
// folds its write-ahead log into it.
func (d *DB) Close() error {
	var errs []error
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
