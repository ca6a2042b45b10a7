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

// minPostgres is the oldest server that the tests run on, as server_version_num.
const minPostgres = 150000

// lockKey names the lock of one index: two indexes may share a database in different schemas.
const lockKey = `hashtext('pyindex ' || current_schema())`

var postgresDialect = dialect{
	goose:  goose.DialectPostgres,
	view:   &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	update: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
	// Writers take turns as they do in SQLite, so every rule that reads and then writes means the same on both. Each
	// later statement sees all that was committed before the lock came, because read committed looks afresh.
	turn:    `SELECT pg_advisory_xact_lock(` + lockKey + `)`,
	watch:   func(context.Context, *DB) error { return nil }, // Serial is one indexed read
	next:    postgresNext,
	params:  30_000,
	patient: `SET LOCAL idle_in_transaction_session_timeout = 0`,
	hints:   listen,
	check:   checkPostgres,
	lock:    lockPostgres,
	tries:   1, // the lock keeps others away
	sort:    sortPostgres,
	cut:     cutPostgres,

	size: sizePostgres, text: postgresText, putText: putPostgresText, matching: matchPostgres,
}

// connectTime bounds making a connection where the URL says nothing.
const connectTime = 5 * time.Second

// writers is how many connections wait for their turn to write: one that works and one that is next.
const writers = 2

// connectPostgres opens a small pool to write and a larger one to read.
func connectPostgres(url string, o Options) (*DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the database URL cannot be read: use postgres://user@host:5432/name")
	}
	// A replica that stops in the middle of an update must not hold up the others for ever.
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
		return fault.New(fault.Invalid, "PostgreSQL %d is too old: 15 or newer is needed", version/10000)
	}
	if !schema.Valid {
		return fault.New(fault.Invalid, "the schema of the database URL does not exist: create it, or leave search_path out")
	}
	return nil
}

// lockPostgres keeps other processes from migrating the same schema until unlock.
func lockPostgres(ctx context.Context, write *sql.DB) (func(), error) {
	c, err := write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// Others may migrate for longer than a statement may wait for a lock otherwise.
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
	if err != nil { // whatever was set goes with the connection, and so does the lock
		c.Raw(func(any) error { return driver.ErrBadConn })
		c.Close()
		return nil, err
	}
	return func() {
		_, err := c.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+lockKey+`)`)
		if err != nil { // a broken connection has lost the lock already and must not go back to the pool
			c.Raw(func(any) error { return driver.ErrBadConn })
		}
		c.Close()
	}, nil
}

// sortPostgres recognises errors by SQLSTATE, and the lack of a server by type.
func sortPostgres(err error) failure {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return sortNetwork(err)
	}
	switch e.Code {
	case "23505":
		return taken
	case "40001", "40P01", "55P03": // serialisation, deadlock, lock timeout
		return again
	case "22021", "22P05": // NUL, or no UTF-8
		return garbled
	case "25006", "25P03": // a server that only reads; we slept in a transaction
		return down
	}
	switch e.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return down
	}
	return unknown
}

// cutPostgres reports whether err says that the connection ended, or that none could be made: another one may work.
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
