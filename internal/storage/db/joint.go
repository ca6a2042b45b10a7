package db

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"pyindex/internal/fault"
)

// maxJoined limits the updates in one transaction: the first one waits for the others before it returns, and other
// processes wait for all of them before they can write.
const maxJoined = 16

// line orders the updates of this process, of which one at a time runs. Those that arrive while another runs join its
// transaction, so that one commit makes all of them durable. Nothing waits for others to arrive.
type line struct {
	mu      sync.Mutex
	taken   bool // an update runs, or is about to
	waiting []chan *joint
}

// enter waits for the caller's turn. It returns the transaction to join, or nil if the caller must begin one.
func (l *line) enter(ctx context.Context) (*joint, error) {
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil, nil
	}
	turn := make(chan *joint, 1)
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case j := <-turn:
		return j, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.mu.Unlock()
		return nil, ctx.Err()
	}
	l.mu.Unlock()
	return <-turn, nil // the turn came at the same moment
}

// pass gives the turn and j, which may be nil, to the next update. It returns false if none is waiting; the caller then
// keeps its turn if it has a transaction to end.
func (l *line) pass(j *joint) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.taken = j != nil
		return false
	}
	if j != nil {
		j.unlink()
	}
	next := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	next <- j
	return true
}

// joint is a transaction of one or more updates. Each but the first runs in a savepoint, so that an error undoes that
// update alone. Each runs in the goroutine of its caller. The last one commits.
type joint struct {
	t      *Tx
	size   int  // updates so far
	lost   bool // the transaction cannot be committed
	cancel func()
	unlink func() bool // ends the dependence on the context of the first update

	done chan struct{}
	err  error // set before done is closed, if nothing was committed
}

// errParted is the result of an update whose transaction was lost, before its commit, because of another update in it.
// Nothing was changed, and the update can run again.
var errParted = fault.New(fault.Unavailable, "the database is busy; try again")

// Statements around all updates of a transaction but the first.
const (
	savepoint = `SAVEPOINT joined`
	release   = `RELEASE SAVEPOINT joined`
	rollback  = `ROLLBACK TO SAVEPOINT joined`
)

// attemptJointly runs f once, in a transaction that updates of other callers may share. It returns when the transaction
// has ended, with the error of the commit if that failed: the result of f may depend on uncommitted changes of others.
func (d *DB) attemptJointly(ctx context.Context, f func(*Tx) error) error {
	if err := d.present(ctx, d.dialect.update); err != nil {
		return err
	}
	j, err := d.line.enter(ctx)
	if err != nil {
		return err
	}
	if j == nil {
		if j, err = d.beginJoint(ctx); err != nil {
			d.line.pass(nil)
			return err
		}
	}
	if err, certain := d.runIn(ctx, j, f); certain {
		return err
	} else if <-j.done; j.err != nil {
		return j.err
	} else {
		return err
	}
}

// beginJoint begins a transaction. If statements watch the context, it ends with ctx unless another update joins it.
func (d *DB) beginJoint(ctx context.Context) (*joint, error) {
	j := &joint{cancel: func() {}, unlink: func() bool { return true }, done: make(chan struct{})}
	within := ctx
	if !d.dialect.detach {
		within, j.cancel = context.WithCancel(context.WithoutCancel(ctx))
		j.unlink = context.AfterFunc(ctx, j.cancel)
	}
	err := d.again(func() (err error) {
		j.t, err = d.begin(within, d.write, d.dialect.update, d.dialect.turn)
		return err
	})
	if err != nil {
		j.unlink()
		j.cancel()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return j, nil
}

// runIn runs f in j, then passes the turn on or ends j, also if f panics. It reports whether the result is certain
// before j has ended.
func (d *DB) runIn(ctx context.Context, j *joint, f func(*Tx) error) (err error, certain bool) {
	defer d.passOn(j)
	if j.size++; j.size == 1 {
		j.lost = true // also if f panics
		err = f(j.t)
		j.lost = err != nil
		return err, j.lost // it saw only committed rows
	}
	steps := context.WithoutCancel(ctx)
	if _, err := j.t.exec(steps, savepoint); err != nil {
		j.lost = true
		return errParted, true
	}
	undo := true
	defer func() {
		if undo {
			_, failed := j.t.exec(steps, rollback)
			j.lost = failed != nil
			certain = j.lost || isContext(err)
		}
		if !j.lost {
			_, failed := j.t.exec(steps, release)
			j.lost = failed != nil
		}
	}()
	err = f(j.t)
	undo = err != nil
	return err, false
}

// passOn lets the next update join j. It ends j if none is waiting, j is full, or j is lost.
func (d *DB) passOn(j *joint) {
	if !j.lost && j.size < maxJoined && d.line.pass(j) {
		return
	}
	defer d.line.pass(nil)
	defer d.finishCheckpoint()
	defer close(j.done)
	j.err = errParted
	if !j.lost {
		j.err = d.commit(j.t)
	}
	d.keepUndo(j)
	j.t.end()
	j.unlink()
	j.cancel()
}
