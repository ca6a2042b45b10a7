// Package outbox writes letters to people and keeps those of warning until the mail server takes them.
//
// It promises that a letter of warning is a row before it is sent, and that one process at a time sends it. It does not
// promise that a letter arrives, and gives it up after three days. Letters that bring a secret are never kept.
package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
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

// Tx is what this package needs of a transaction.
type Tx interface {
	InsertWaiting(ctx context.Context, w Waiting) error
	// WaitingFor returns how many letters wait for an address, and how many for all.
	WaitingFor(ctx context.Context, to string) (one, all int, err error)
	// Due returns letters that are due at t, the longest due first, at most limit.
	Due(ctx context.Context, t time.Time, limit int) ([]Waiting, error)
	// MoveWaiting sets when a letter is tried next and how often it was tried, and reports whether it was still as w says:
	// of several who move it, one does.
	MoveWaiting(ctx context.Context, w Waiting, due time.Time, tries int) (bool, error)
	DeleteWaiting(ctx context.Context, id string) error
	// DeleteWaitingBefore removes letters that were written before t, and returns how many there were.
	DeleteWaitingBefore(ctx context.Context, t time.Time) (int64, error)

	TokensExpiring(ctx context.Context, from, to time.Time) ([]access.Token, error)
	WarnToken(ctx context.Context, id string, at time.Time) (bool, error)
	UnwarnToken(ctx context.Context, id string) error
	UserByID(ctx context.Context, id string) (access.User, error)
	ProfileOf(ctx context.Context, userID string) (access.Profile, error)
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of an Outbox; the zero value works.
type Options struct {
	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
	// SecurityURL is the page about an account's security, which letters of warning name; "" for an index that sends none.
	SecurityURL string
}

// Outbox is the letters of an index. It is safe for concurrent use, and by several processes on one store.
type Outbox struct {
	store   Store
	o       Options
	letters chan struct{} // has a value after letters were written
}

// New returns the outbox over the rows of s.
func New(s Store, o Options) *Outbox {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return &Outbox{store: s, o: o, letters: make(chan struct{}, 1)}
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

// Warn writes a letter of warning, which is sent as soon as the mail server takes it. It does nothing unless the index
// sends mail and there is an address. fault.TooMany is for an address for which many letters wait already.
func (b *Outbox) Warn(ctx context.Context, to string, l Letter) error {
	if b.o.SecurityURL == "" || to == "" {
		return nil
	}
	err := b.store.Update(ctx, func(tx Tx) error { return b.warn(ctx, tx, to, l) })
	b.Wake()
	return err
}

// Alert writes a letter to a user in tx about what happened to their account at the index of that name, after which the
// caller calls Wake. It does nothing if the index sends no mail, if the user has no address, or if many letters wait
// for it.
func (b *Outbox) Alert(ctx context.Context, tx Tx, index string, u access.User, happened string, seen Seen) error {
	p, err := access.ProfileOf(ctx, tx, u.ID)
	if err != nil || p.Email == "" || b.o.SecurityURL == "" {
		return err
	}
	err = b.warn(ctx, tx, p.Email, AlertLetter(index, u.Name, happened, seen, b.o.SecurityURL))
	if fault.Is(err, fault.TooMany) { // who gets so many letters is warned
		return nil
	}
	return err
}

// Sweep removes letters that nobody sent within three days: mail may be off by now.
func (b *Outbox) Sweep(ctx context.Context) error {
	return b.store.Update(ctx, func(tx Tx) error {
		_, err := tx.DeleteWaitingBefore(ctx, b.o.Now().Add(-letterLife))
		return err
	})
}

// warn is Warn in a transaction, after which the caller calls Wake.
func (b *Outbox) warn(ctx context.Context, tx Tx, to string, l Letter) error {
	one, all, err := tx.WaitingFor(ctx, to)
	if err != nil {
		return err
	}
	if one >= lettersForOne || all >= lettersWaiting {
		return fault.New(fault.TooMany, "too many letters wait for the mail server")
	}
	now := b.o.Now()
	return tx.InsertWaiting(ctx, Waiting{ID: b.o.NewID(), To: to, Letter: l, CreatedAt: now, DueAt: now})
}

// Wake has Letters say that there is something to send.
func (b *Outbox) Wake() {
	select {
	case b.letters <- struct{}{}:
	default:
	}
}

// Letters yields a value when this process wrote letters that wait to be sent.
func (b *Outbox) Letters() <-chan struct{} { return b.letters }

// Deliver sends the letters that are due. Each is sent by one process at a time, and again later if the server did not
// take it: after pauses that double, for three days. A letter that the server refused for good (fault.Invalid) is given
// up at once. What happened to letters that were not sent is in the log; addresses and texts are not.
func (b *Outbox) Deliver(ctx context.Context, log *slog.Logger,
	send func(ctx context.Context, to string, l Letter) error,
) error {
	for {
		var due []Waiting
		err := b.store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.Due(ctx, b.o.Now(), lettersAtOnce)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		for _, w := range due {
			if err := errors.Join(ctx.Err(), b.deliver(ctx, log, w, send)); err != nil {
				return err
			}
		}
	}
}

func (b *Outbox) deliver(ctx context.Context, log *slog.Logger, w Waiting,
	send func(ctx context.Context, to string, l Letter) error,
) error {
	mine, until := false, b.o.Now().Add(letterLease)
	err := b.store.Update(ctx, func(tx Tx) (err error) {
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
	now := b.o.Now()
	next := now.Add(min(letterPause<<min(w.Tries-1, 20), letterLongest))
	over := failed != nil && (fault.Is(failed, fault.Invalid) || next.Sub(w.CreatedAt) > letterLife)
	if failed != nil {
		log.Error("a letter of warning was not sent", "letter", w.ID, "tries", w.Tries, "given_up", over, "error", failed)
	}
	return b.store.Update(ctx, func(tx Tx) error {
		if failed == nil || over {
			return tx.DeleteWaiting(ctx, w.ID)
		}
		_, err := tx.MoveWaiting(ctx, w, next, w.Tries)
		return err
	})
}
