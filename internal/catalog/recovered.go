package catalog

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// RecoveredRows tell whether the index is in the state recovered. It begins with the restore of a backup and ends with
// the command "index restore finish". Names that were created after the backup are unknown meanwhile. So no upstream is
// asked about a name without a row, and nothing is uploaded or created.
type RecoveredRows interface {
	// RecoveredSince returns when the backup was restored, or the zero time if the index is not in the state recovered.
	RecoveredSince(ctx context.Context) (time.Time, error)
}

// ErrRecovered is wrapped by the faults of requests that wait for the end of the state recovered.
var ErrRecovered = errors.New("this index was restored from a backup")

// recovered is the state at a stamp.
type recovered struct {
	at    memo.Stamp
	since time.Time
}

// lastRecovered holds the newest state that was read.
type lastRecovered struct{ atomic.Pointer[recovered] }

// Recovered returns since when the index is in the state recovered, and whether it is. It costs one look at the
// database for each stamp.
func (x *Index) Recovered(ctx context.Context, at memo.Stamp) (time.Time, bool, error) {
	if last := x.recovered.Load(); last != nil && last.at == at {
		return last.since, !last.since.IsZero(), nil
	}
	var since time.Time
	err := x.store.View(ctx, func(tx Tx) (err error) {
		since, err = tx.RecoveredSince(ctx)
		return err
	})
	if err != nil {
		return time.Time{}, false, err
	}
	x.recovered.Store(&recovered{at, since})
	return since, !since.IsZero(), nil
}

// RecoveredNow is Recovered at the current stamp.
func (x *Index) RecoveredNow(ctx context.Context) (time.Time, bool, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return time.Time{}, false, err
	}
	return x.Recovered(ctx, at)
}

// CheckUploads returns fault.Unavailable while the index is in the state recovered.
func (x *Index) CheckUploads(ctx context.Context) error {
	since, is, err := x.RecoveredNow(ctx)
	if err != nil || !is {
		return err
	}
	return errNoUploads(since)
}

// CheckUploadsIn is CheckUploads in a transaction, for everything that adds a file or a project.
func CheckUploadsIn(ctx context.Context, tx RecoveredRows) error {
	since, err := tx.RecoveredSince(ctx)
	if err != nil || since.IsZero() {
		return err
	}
	return errNoUploads(since)
}

func errNoUploads(since time.Time) error {
	return fault.Wrap(fault.Unavailable, ErrRecovered,
		"this index was restored from a backup on %s and takes no uploads until an administrator has run \"index restore finish\"; send it again then",
		since.UTC().Format(time.DateOnly))
}

// checkUnknown returns fault.Unavailable about a name without a row while the index is in the state recovered: it may
// be the name of a project that was created after the backup.
func (f NameFacts) checkUnknown(ctx context.Context, tx Tx, name packaging.ProjectName) error {
	if !f.Name.Name.IsZero() || f.Source.Upstream != "" || len(f.Rulings) > 0 || len(f.Reservations) > 0 {
		return nil
	}
	since, err := tx.RecoveredSince(ctx)
	if err != nil || since.IsZero() {
		return err
	}
	return fault.Wrap(fault.Unavailable, ErrRecovered,
		"this index was restored from a backup on %s, and %s may be a project that was created after the backup: no upstream is asked about unknown names until an administrator has run \"index restore finish\"",
		since.UTC().Format(time.DateOnly), name)
}
