package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"pyindex/internal/fault"
)

// minPostgres is the oldest tested server version, as server_version_num.
const minPostgres = 150000

// lockKey identifies the lock of one index. Two indexes may share a database in different schemas.
const lockKey = `hashtext('pyindex ' || current_schema())`

var postgresDialect = dialect{
	goose:  goose.DialectPostgres,
	view:   &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	update: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
	// Writers run one at a time as in SQLite, so every rule that reads and then writes behaves the same on both. Under
	// read committed, every statement after the lock sees all earlier commits.
	turn:    `SELECT pg_advisory_xact_lock(` + lockKey + `)`,
	watch:   func(context.Context, *DB) error { return nil }, // Serial is one indexed read
	next:    postgresNext,
	params:  30_000,
	patient: `SET LOCAL idle_in_transaction_session_timeout = 0`,
	hints:   listen,
	check:   checkPostgres,
	lock:    lockPostgres,
	tries:   1, // the lock excludes other processes
	collate: collatePostgres,
	sort:    sortPostgres,
	cut:     cutPostgres,

	size: sizePostgres, text: postgresText, putWords: putPostgresWords, matching: matchPostgres,
	quarantined: `files q`, rank: rankPostgres, elements: `json_array_elements_text(CAST(CAST(%s AS TEXT) AS JSON))`,
	blobPrimary: `blob_key`, marks: postgresMarks(),
	joinBlob: `ON CONFLICT (part, sha256) WHERE NOT dropping DO UPDATE SET holds = blobs.holds + 1, since = excluded.since, settled = FALSE`,
}

// connectTime is the connection timeout if the URL does not set one.
const connectTime = 5 * time.Second

// writers is the number of writing connections: one that is working and one that is next.
const writers = 2

// connectPostgres opens a small pool for writing and a larger one for reading.
func connectPostgres(url string, o Options) (*DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the database URL cannot be read: use postgres://user@host:5432/name")
	}
	// A replica that hangs in the middle of an update must not block the others forever.
	setDefault(config.RuntimeParams, "application_name", "index")
	setDefault(config.RuntimeParams, "lock_timeout", "10000")
	setDefault(config.RuntimeParams, "idle_in_transaction_session_timeout", "60000")
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	if o.Conns == 0 {
		o.Conns = 10
	}
	d := &DB{dialect: postgresDialect, options: o, server: config}
	d.write = pool(connector{Connector: stdlib.GetConnector(*config), hook: o.Hook, life: &d.life, writer: true}, writers)
	d.read = pool(connector{Connector: stdlib.GetConnector(*config), hook: o.Hook, life: &d.life}, o.Conns)
	d.look = pool(connector{Connector: stdlib.GetConnector(*config), hook: o.Hook, life: &d.life}, 1)
	return d, nil
}

func setDefault(params map[string]string, key, value string) {
	if _, ok := params[key]; !ok {
		params[key] = value
	}
}

func checkPostgres(ctx context.Context, write *sql.DB) error {
	var version int64
	var schema sql.NullString
	err := write.QueryRowContext(ctx,
		`SELECT current_setting('server_version_num')::bigint, current_schema()`).Scan(&version, &schema)
	if err != nil {
		return err
	}
	if version < minPostgres {
		return fault.New(fault.Invalid, "PostgreSQL %d is too old: 15 or newer is required", version/10000)
	}
	if !schema.Valid {
		return fault.New(fault.Invalid,
			"the schema of the database URL does not exist: create it, or remove search_path from the URL")
	}
	return nil
}

// lockPostgres prevents other processes from migrating the same schema until unlock is called.
func lockPostgres(ctx context.Context, write *sql.DB) (func(), error) {
	c, err := write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// Other processes may migrate for longer than the usual lock timeout.
	var lockTimeout string
	err = c.QueryRowContext(ctx, `SELECT current_setting('lock_timeout')`).Scan(&lockTimeout)
	if err == nil {
		_, err = c.ExecContext(ctx, `SET lock_timeout = 0`)
	}
	if err == nil {
		_, err = c.ExecContext(ctx, `SELECT pg_advisory_lock(`+lockKey+`)`)
	}
	if err == nil {
		_, err = c.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, false)`, lockTimeout)
	}
	if err != nil { // closing the connection resets its settings and releases the lock
		c.Raw(func(any) error { return driver.ErrBadConn })
		c.Close()
		return nil, err
	}
	return func() {
		_, err := c.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+lockKey+`)`)
		if err != nil { // a broken connection has already lost the lock and must not return to the pool
			c.Raw(func(any) error { return driver.ErrBadConn })
		}
		c.Close()
	}, nil
}

// sortPostgres classifies errors by SQLSTATE, and network errors by type.
func sortPostgres(err error) failure {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return sortNetwork(err)
	}
	switch e.Code {
	case "23505":
		return taken
	case "40001", "40P01", "55P03": // serialization failure, deadlock, lock timeout
		return again
	case "22021", "22P05": // NUL, or invalid UTF-8
		return garbled
	case "25006", "25P03": // read-only server; idle in a transaction
		return down
	}
	switch e.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return down
	}
	return unknown
}

// cutPostgres reports whether err means that the connection was lost or could not be opened, so that another may work.
func cutPostgres(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code[:2] == "08" || e.Code == "57P01" || e.Code == "57P02" || e.Code == "57P03" || e.Code == "25P03"
	}
	return sortNetwork(err) == down
}

func sortNetwork(err error) failure {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return down
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return down
	}
	if pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) {
		return down
	}
	return unknown
}
