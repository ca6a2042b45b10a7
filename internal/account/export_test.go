package account

import (
	"context"
	"time"

	"pyindex/internal/access"
)

// HoldHashers keeps all hashers busy until release is called.
func (a *Accounts) HoldHashers() (release func()) {
	for range hashers {
		a.work <- struct{}{}
	}
	return func() {
		for range hashers {
			<-a.work
		}
	}
}

// AwaitQueued waits until n people are in the queue for the hashers.
func (a *Accounts) AwaitQueued(n int64) {
	for a.waiting.Load() < n {
		time.Sleep(time.Millisecond)
	}
}

// AwaitReserved waits until a try of a password is counted.
func (a *Accounts) AwaitReserved(ctx context.Context, name string, who access.Caller) {
	for n := 0; n == 0; {
		_ = a.store.View(ctx, func(tx Tx) (err error) {
			n, _, err = tx.Attempts(ctx, passwordGuess(who, name, "", false).bucket)
			return err
		})
	}
}
