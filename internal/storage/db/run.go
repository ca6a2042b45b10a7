package db

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

// maxAttempts limits how often an update is retried after a conflict with others.
const maxAttempts = 5

// view runs f on one snapshot. f must not write, and must not begin another view.
func (d *DB) view(ctx context.Context, f func(*Tx) error) error {
	return d.dialect.explain(d.attempt(ctx, d.read, d.dialect.view, "", f))
}

// update runs f in a transaction that commits if f returns nil. f runs again after a conflict with others.
func (d *DB) update(ctx context.Context, f func(*Tx) error) error {
	return d.updateInTurn(ctx, d.dialect.turn, f)
}

// updateInTurn is update with a statement that waits for the caller's turn, or "" if it may write beside others.
func (d *DB) updateInTurn(ctx context.Context, turn string, f func(*Tx) error) error {
	for n := 1; ; n++ {
		var err error
		if turn == d.dialect.turn {
			err = d.attemptJointly(ctx, f)
		} else {
			err = d.attempt(ctx, d.write, d.dialect.update, turn, f)
		}
		if errors.Is(err, errParted) && n < maxAttempts {
			continue
		}
		if n == maxAttempts || !d.dialect.again(err) {
			return d.dialect.explain(err)
		}
		if err := pause(ctx, time.Duration(n)*rand.N(20*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (d *DB) attempt(ctx context.Context, h *sql.DB, o *sql.TxOptions, turn string, f func(*Tx) error) error {
	if err := d.present(ctx, o); err != nil {
		return err
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
	return d.commit(t)
}

// present returns an error if the database is known to be down, and opens the file that is now at the path.
func (d *DB) present(ctx context.Context, o *sql.TxOptions) error {
	if ctx.Value(lookingKey{}) != nil { // a look has just had a response, and must not wait for another look
		return nil
	}
	if _, away := d.outage.bridge(); away {
		return errAway()
	}
	if o.ReadOnly || !d.file.moved() {
		return nil
	}
	_, err := d.lookAt(ctx)
	return err
}

// commit makes the changes of a transaction durable.
func (d *DB) commit(t *Tx) error {
	if err := t.inner.Commit(); err != nil {
		return err
	}
	if d.file.moved() {
		return errReplaced()
	}
	d.noteCommit()
	return nil
}

// again runs f, and once more on new connections if the connection was lost: a restarted server leaves connections
// behind that appear to be alive. f must have no lasting effect before it fails.
func (d *DB) again(f func() error) error {
	before := d.life.now()
	err := f()
	if err == nil || isContext(err) || !d.dialect.cut(err) {
		return err
	}
	d.life.renewFrom(before)
	return f()
}

// begin starts a transaction, and waits for its turn to write if turn is set.
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
	t := &Tx{db: d, inner: inner, conn: c, fixed: o.ReadOnly}
	if turn != "" {
		if _, err := t.exec(ctx, turn); err != nil {
			t.end()
			return nil, err
		}
	}
	return t, nil
}

// watched returns the context for the driver. SQLite statements are short and local, and watching a context costs a
// goroutine each. With SQLite the context is therefore checked only between statements.
func (d *DB) watched(ctx context.Context) context.Context {
	if d.dialect.detach {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// pause waits for t or until the context ends.
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
