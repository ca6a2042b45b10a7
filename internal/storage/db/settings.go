package db

import (
	"context"
	"time"
)

// Settings are the properties of the database server or file that matter to an operator.
type Settings struct {
	Postgres bool
	// of PostgreSQL

	Isolation, ReadOnly string // default_transaction_isolation, default_transaction_read_only
	StatementTimeout    time.Duration
	MaxConnections      int64 // without those that are reserved for superusers
	Connections         int64 // in use by all programs
	Collation           string
	Stale               bool // the system's collation has changed since the database was created
	// of SQLite

	Journal    string // journal mode
	FileSystem string // "" if it is a usual one or unknown, otherwise the name of a network file system
}

// ConnectionsOfServer is the number of connections that one server opens to PostgreSQL at most, beside one for
// notifications.
const ConnectionsOfServer = 10 + writers + 1

// Settings reads the settings.
func (d *DB) Settings(ctx context.Context) (s Settings, err error) {
	if d.path != "" {
		s.FileSystem = networkFileSystem(d.path)
		return s, d.read.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&s.Journal)
	}
	s.Postgres = true
	var timeout int64
	err = d.read.QueryRowContext(ctx, `SELECT
		(SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_isolation'),
		current_setting('default_transaction_read_only'),
		(SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'),
		current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
		(SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
		d.datcollate,
		COALESCE(d.datcollversion <> pg_database_collation_actual_version(d.oid), false)
		FROM pg_database d WHERE d.datname = current_database()`).
		Scan(&s.Isolation, &s.ReadOnly, &timeout, &s.MaxConnections, &s.Connections, &s.Collation, &s.Stale)
	s.StatementTimeout = time.Duration(timeout) * time.Millisecond
	return s, d.dialect.explain(err)
}

// Clock returns how far the clock of the database server is ahead of this machine's, and how exactly that is known. It
// returns false for SQLite, which has no clock of its own.
func (d *DB) Clock(ctx context.Context) (ahead, exact time.Duration, ok bool, err error) {
	if d.path != "" {
		return 0, 0, false, nil
	}
	var micro int64
	began := time.Now()
	err = d.read.QueryRowContext(ctx, `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint`).Scan(&micro)
	if err != nil {
		return 0, 0, false, d.dialect.explain(err)
	}
	took := time.Since(began)
	return time.UnixMicro(micro).Sub(began.Add(took / 2)), took / 2, true, nil
}
