// Package outbox writes letters to people, and keeps warnings until the mail server accepts them.
//
// It promises that a warning is stored before it is sent, and that one process at a time sends it. It does not promise
// delivery, and gives up after three days. Letters with a secret are never stored.
package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Waiting is a warning that waits for the mail server. It holds no secret.
type Waiting struct {
	ID        string
	To        string
	Letter    Letter
	CreatedAt time.Time
	DueAt     time.Time // time of the next attempt
	Tries     int
}

// Tx is the set of rows that this package needs in a transaction.
type Tx interface {
	InsertWaiting(ctx context.Context, w Waiting) error
	// WaitingFor returns how many letters wait for an address, and how many in total.
	WaitingFor(ctx context.Context, to string) (one, all int, err error)
	// Due returns at most limit letters that are due at t, the longest due first.
	Due(ctx context.Context, t time.Time, limit int) ([]Waiting, error)
	// MoveWaiting sets the next attempt of a letter and its number of attempts. It reports false if the row no longer
	// matches w; of several concurrent calls, one succeeds.
	MoveWaiting(ctx context.Context, w Waiting, due time.Time, tries int) (bool, error)
	DeleteWaiting(ctx context.Context, id string) error
	// DeleteWaitingBefore deletes letters that were written before t, and returns how many.
	DeleteWaitingBefore(ctx context.Context, t time.Time) (int64, error)

	TokensExpiring(ctx context.Context, from, to time.Time) ([]access.Token, error)
	WarnToken(ctx context.Context, id string, at time.Time) (bool, error)
	UnwarnToken(ctx context.Context, id string) error
	UserByID(ctx context.Context, id string) (access.User, error)
	ProfileOf(ctx context.Context, userID string) (access.Profile, error)
}

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of an Outbox. The zero value is usable.
type Options struct {
	Now   func() time.Time // default time.Now
	NewID func() string    // default: access.NewID
	Sends bool             // the index sends e-mail; without it, no letter is stored
	// SecurityURL is the account security page, which alerts link to. Without it, there are none: commands have no page.
	SecurityURL string
}

// Outbox holds the letters of an index. It is safe for concurrent use, and by several processes on one store.
type Outbox struct {
	store   Store
	o       Options
	letters chan struct{} // receives a value after letters were written
}

// New returns the outbox over the rows of s.
func New(s Store, o Options) *Outbox {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = access.NewID
	}
	return &Outbox{store: s, o: o, letters: make(chan struct{}, 1)}
}

const (
	// letterLease is how long a process may take to send a letter before another one tries. Sending takes half a minute
	// at most.
	letterLease = 5 * time.Minute
	// The pause after a failed attempt doubles each time.
	letterPause    = time.Minute
	letterLongest  = 6 * time.Hour
	letterLife     = 3 * 24 * time.Hour // then a warning is too late
	lettersAtOnce  = 20                 // letters read at a time
	lettersForOne  = 20                 // limit for one address
	lettersWaiting = 10_000             // limit in total
)

// Warn stores a warning, which is sent as soon as the mail server accepts it. It does nothing if the index sends no
// mail or the address is empty. It returns fault.TooMany if many letters wait for the address already.
func (b *Outbox) Warn(ctx context.Context, to string, l Letter) error {
	if !b.o.Sends || to == "" {
		return nil
	}
	err := b.store.Update(ctx, func(tx Tx) error { return b.warn(ctx, tx, to, l) })
	b.Wake()
	return err
}

// Alert stores a letter to a user, in tx, about an event on their account. The caller must call Wake after the
// transaction. Alert does nothing if the index sends no mail, if the user has no address, or if many letters wait for
// it.
func (b *Outbox) Alert(ctx context.Context, tx Tx, index string, u access.User, happened string, seen Seen) error {
	p, err := access.ProfileOf(ctx, tx, u.ID)
	if err != nil || p.Email == "" || !b.o.Sends || b.o.SecurityURL == "" {
		return err
	}
	err = b.warn(ctx, tx, p.Email, AlertLetter(index, u.Name, happened, seen, b.o.SecurityURL))
	if fault.Is(err, fault.TooMany) { // the user has many warnings already
		return nil
	}
	return err
}

// Sweep deletes letters that were not sent within three days, even if sending mail was turned off since.
func (b *Outbox) Sweep(ctx context.Context) error {
	return b.store.Update(ctx, func(tx Tx) error {
		_, err := tx.DeleteWaitingBefore(ctx, b.o.Now().Add(-letterLife))
		return err
	})
}

// warn is like Warn, but runs in tx. The caller must call Wake after the transaction.
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

// Wake makes the channel of Letters receive a value.
func (b *Outbox) Wake() {
	select {
	case b.letters <- struct{}{}:
	default:
	}
}

// Letters returns a channel that receives a value when this process stored letters to send.
func (b *Outbox) Letters() <-chan struct{} { return b.letters }

// Deliver sends the letters that are due. One process at a time sends each letter. If the server does not accept it,
// Deliver tries again after pauses that double, for three days. It gives up at once if the server rejected the letter
// for good (fault.Invalid). It logs each failure, without the address and the text.
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
	if ctx.Err() != nil { // the process is stopping; a later one tries again
		return ctx.Err()
	}
	now := b.o.Now()
	next := now.Add(min(letterPause<<min(w.Tries-1, 20), letterLongest))
	over := failed != nil && (fault.Is(failed, fault.Invalid) || next.Sub(w.CreatedAt) > letterLife)
	if failed != nil {
		log.Error("a warning letter was not sent", "letter", w.ID, "tries", w.Tries, "given_up", over, "error", failed)
	}
	return b.store.Update(ctx, func(tx Tx) error {
		if failed == nil || over {
			return tx.DeleteWaiting(ctx, w.ID)
		}
		_, err := tx.MoveWaiting(ctx, w, next, w.Tries)
		return err
	})
}
