package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresNext remembers the mark, increments the serial and notifies every replica. The notification is sent when the
// transaction commits.
const postgresNext = `WITH kept AS (` + rememberMark + `), next AS (` + moveCounter + `),
	told AS (SELECT pg_notify('pyindex', current_schema()))
	SELECT value FROM next, told`

// listenAgain is the pause before a lost connection is reopened.
const listenAgain = time.Second

// listen returns a channel that receives a value soon after the serial changed, if the server and any proxy in between
// deliver notifications. It is only a hint: it may never come, and Serial does not depend on it.
func listen(ctx context.Context, d *DB) <-chan struct{} {
	hints := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			listenOnce(ctx, d.server, hints)
			pause(ctx, listenAgain)
		}
	}()
	return hints
}

// listenOnce forwards notifications until the connection is lost.
func listenOnce(ctx context.Context, server *pgx.ConnConfig, hints chan<- struct{}) {
	c, err := pgx.ConnectConfig(ctx, server.Copy())
	if err != nil {
		return
	}
	defer c.Close(context.WithoutCancel(ctx))
	var schema string
	if err := c.QueryRow(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		return
	}
	if _, err := c.Exec(ctx, `LISTEN pyindex`); err != nil {
		return
	}
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return
		}
		if n.Payload != schema { // another index in the same database
			continue
		}
		select {
		case hints <- struct{}{}:
		default: // a hint is already waiting
		}
	}
}

// noHints is for a database without notifications. Its changes are found by polling.
func noHints(context.Context, *DB) <-chan struct{} { return nil }
