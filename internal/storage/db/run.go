package db

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"
)

// maxAttempts bounds how often an update is run when it loses against others.
const maxAttempts = 5

// view runs f on one state of the database. f must not write, and must not begin another view.
func (d *DB) view(ctx context.Context, f func(*Tx) error) error {
	return d.dialect.explain(d.attempt(ctx, d.read, d.dialect.view, "", f))
}

// update runs f in a transaction that commits when f returns nil; f runs again when others were in the way.
func (d *DB) update(ctx context.Context, f func(*Tx) error) error {
	for n := 1; ; n++ {
		err := d.attempt(ctx, d.write, d.dialect.update, d.dialect.turn, f)
		if n == maxAttempts || !d.dialect.again(err) {
			return d.dialect.explain(err)
		}
		if err := pause(ctx, time.Duration(n)*rand.N(20*time.Millisecond)); err != nil {
			return err
		}
	}
}

// attempt runs f in one transaction.
func (d *DB) attempt(ctx context.Context, h *sql.DB, o *sql.TxOptions, turn string, f func(*Tx) error) error {
	if _, away := d.outage.bridge(); away {
		return errAway()
	}
	c, err := h.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	inner, err := c.BeginTx(d.watched(ctx), o)
	if err != nil {
		return err
	}
	defer inner.Rollback() // after Commit this does nothing
	t := &Tx{db: d, inner: inner}
	if turn != "" {
		if _, err := t.exec(ctx, turn); err != nil {
			return err
		}
	}
	if err := f(t); err != nil || o.ReadOnly {
		return err
	}
	return inner.Commit()
}

// watched returns the context that the driver gets. SQLite's statements are short and local, and watching a context
// costs it a goroutine for each: there we look at the context between statements.
func (d *DB) watched(ctx context.Context) context.Context {
	if d.dialect.detach {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
