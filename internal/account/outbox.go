package account

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pyindex/internal/fault"
)

// Waiting is a letter of warning that waits for the mail server. It holds no secret.
type Waiting struct {
	ID        string
	To        string
	Letter    Letter
	CreatedAt time.Time
	DueAt     time.Time // when it is tried next
	Tries     int
}

// OutboxRows keeps letters that wait.
type OutboxRows interface {
	InsertWaiting(ctx context.Context, w Waiting) error
	// WaitingFor returns how many letters wait for an address, and how many for all.
	WaitingFor(ctx context.Context, to string) (one, all int, err error)
	// Due returns letters that are due at t, the longest due first, at most limit.
	Due(ctx context.Context, t time.Time, limit int) ([]Waiting, error)
	// MoveWaiting sets when a letter is tried next and how often it was tried, and reports whether it was still as w says: of
	// several who move it, one does.
	MoveWaiting(ctx context.Context, w Waiting, due time.Time, tries int) (bool, error)
	DeleteWaiting(ctx context.Context, id string) error
	// DeleteWaitingBefore removes letters that were written before t, and returns how many there were.
	DeleteWaitingBefore(ctx context.Context, t time.Time) (int64, error)
}

const (
	// letterLease is how long a process has to send a letter before another one tries; mail takes half a minute at most.
	letterLease = 5 * time.Minute
	// The pause after a try that failed doubles from one to the other.
	letterPause    = time.Minute
	letterLongest  = 6 * time.Hour
	letterLife     = 3 * 24 * time.Hour // then it is too late to warn
	lettersAtOnce  = 20                 // letters read at a time
	lettersForOne  = 20                 // that may wait for one address
	lettersWaiting = 10_000             // that may wait in all
)

// Warn writes a letter of warning, which is sent as soon as the mail server takes it. It does nothing unless the index sends
// mail and there is an address. fault.TooMany is for an address for which many letters wait already.
func (a *Accounts) Warn(ctx context.Context, to string, l Letter) error {
	if a.o.SecurityURL == "" || to == "" {
		return nil
	}
	err := a.store.Update(ctx, func(tx Tx) error { return a.warn(ctx, tx, to, l) })
	a.wake()
	return err
}

// warn is Warn in a transaction, after which the caller calls wake.
func (a *Accounts) warn(ctx context.Context, tx Tx, to string, l Letter) error {
	one, all, err := tx.WaitingFor(ctx, to)
	if err != nil {
		return err
	}
	if one >= lettersForOne || all >= lettersWaiting {
		return fault.New(fault.TooMany, "too many letters wait for the mail server")
	}
	now := a.o.Now()
	return tx.InsertWaiting(ctx, Waiting{ID: a.o.NewID(), To: to, Letter: l, CreatedAt: now, DueAt: now})
}

// wake has Letters say that there is something to send.
func (a *Accounts) wake() {
	select {
	case a.letters <- struct{}{}:
	default:
	}
}

// Letters yields a value when this process wrote letters that wait to be sent.
func (a *Accounts) Letters() <-chan struct{} { return a.letters }

// Deliver sends the letters that are due. Each is sent by one process at a time, and again later if the server did not take it:
// after pauses that double, for three days. A letter that the server refused for good (fault.Invalid) is given up at once.
// What happened to letters that were not sent is in the log; addresses and texts are not.
func (a *Accounts) Deliver(ctx context.Context, log *slog.Logger, send func(ctx context.Context, to string, l Letter) error) error {
	for {
		var due []Waiting
		err := a.store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.Due(ctx, a.o.Now(), lettersAtOnce)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		for _, w := range due {
			if err := errors.Join(ctx.Err(), a.deliver(ctx, log, w, send)); err != nil {
				return err
			}
		}
	}
}

func (a *Accounts) deliver(ctx context.Context, log *slog.Logger, w Waiting, send func(ctx context.Context, to string, l Letter) error) error {
	mine, until := false, a.o.Now().Add(letterLease)
	err := a.store.Update(ctx, func(tx Tx) (err error) {
		mine, err = tx.MoveWaiting(ctx, w, until, w.Tries+1)
		return err
	})
	if err != nil || !mine {
		return err
	}
	w.Tries, w.DueAt = w.Tries+1, until
	failed := send(ctx, w.To, w.Letter)
	if ctx.Err() != nil { // this process ends: the next one, or another, tries again
		return ctx.Err()
	}
	now := a.o.Now()
	next := now.Add(min(letterPause<<min(w.Tries-1, 20), letterLongest))
	over := failed != nil && (fault.Is(failed, fault.Invalid) || next.Sub(w.CreatedAt) > letterLife)
	if failed != nil {
		log.Error("a letter of warning was not sent", "letter", w.ID, "tries", w.Tries, "given_up", over, "error", failed)
	}
	return a.store.Update(ctx, func(tx Tx) error {
		if failed == nil || over {
			return tx.DeleteWaiting(ctx, w.ID)
		}
		_, err := tx.MoveWaiting(ctx, w, next, w.Tries)
		return err
	})
}
