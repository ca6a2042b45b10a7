package db

import (
	"context"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// Open opens the database at url, "sqlite:" and a file path or "postgres://…", and migrates its tables to the current
// schema. It creates a missing SQLite file and its folder, accessible only by their owner, and the repository "main".
// Open returns fault.Invalid with advice for the administrator if the database belongs to a newer version, the scheme
// is unknown or the file is unusable, and fault.Unavailable if the server does not respond.
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

// connect creates the connection pools for a URL. It runs no statement.
func connect(url string, o Options) (*DB, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return connectSQLite(rest, o)
	case "postgres", "postgresql":
		return connectPostgres(url, o)
	}
	return nil, fault.New(fault.Invalid,
		"unknown database %q: use sqlite:/path/index.db or postgres://user@host/name", scheme+":")
}

// prepare checks and migrates the database, and starts to watch the serial.
func (d *DB) prepare(ctx context.Context) error {
	if err := d.check(ctx); err != nil {
		return err
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	if err := d.checkRestored(ctx); err != nil {
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

// check checks that the database can be used. SQLite does not wait for other processes while it changes a new file to
// its write-ahead log, so check tries again while the database is busy, for about 4 s.
func (d *DB) check(ctx context.Context) error {
	for n := 1; ; n++ {
		err := d.dialect.check(ctx, d.write)
		if n >= d.dialect.tries || !d.dialect.again(err) {
			return err
		}
		if err := pause(ctx, time.Duration(min(n, 4))*25*time.Millisecond); err != nil {
			return err
		}
	}
}
