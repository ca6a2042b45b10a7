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
	if ctx.Value(lookingKey{}) == nil { // a look has just had an answer, and must not wait for another look
		if _, away := d.outage.bridge(); away {
			return errAway()
		}
		if !o.ReadOnly && d.file.moved() {
			if _, err := d.lookAt(ctx); err != nil { // opens the file that is there now
				return err
			}
		}
	}
	var t *Tx
	err := d.again(func() (err error) {
		t, err = d.begin(ctx, h, o, turn)
		return err
	})
	if err != nil {
		return err
	}
	defer t.end()
	if err := f(t); err != nil || o.ReadOnly {
		return err
	}
	if err := t.inner.Commit(); err != nil {
		return err
	}
	if d.file.moved() {
		return errReplaced()
	}
	return nil
}

// again runs f, and once more on new connections if it ended because the connection did: a server that was restarted
// leaves connections behind that look alive. f must not have begun anything that lasts.
func (d *DB) again(f func() error) error {
	before := d.life.now()
	err := f()
	if err == nil || isContext(err) || !d.dialect.cut(err) {
		return err
	}
	d.life.renewFrom(before)
	return f()
}

// begin starts a transaction, and waits for the turn to write where there is one.
func (d *DB) begin(ctx context.Context, h *sql.DB, o *sql.TxOptions, turn string) (*Tx, error) {
	c, err := h.Conn(ctx)
	if err != nil {
		return nil, err
	}
	inner, err := c.BeginTx(d.watched(ctx), o)
	if err != nil {
		c.Close()
		return nil, err
	}
	t := &Tx{db: d, inner: inner, conn: c}
	if turn != "" {
		if _, err := t.exec(ctx, turn); err != nil {
			t.end()
			return nil, err
		}
	}
	return t, nil
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
