// Package custody holds exactly the bytes that file rows name.
//
// Bytes are stored before their row and removed after it, under keys that are never used for other bytes. Uploads,
// deletions and the sweeper agree through rows, so any number of processes may work on one store. Bytes that are
// missing or damaged are never given out; an upload of the same bytes, or a copy of the store, puts them back.
//
// Not promised: that bytes without a row are gone at once (Sweep removes them), and that damage is noticed before
// somebody reads or CheckStored looks.
package custody

import (
	"log/slog"
	"time"
)

// Options are the settings of a Keeper; the zero value works.
type Options struct {
	Now func() time.Time // time.Now
	Log *slog.Logger     // slog.Default
}

// Keeper keeps stored bytes. It is safe for concurrent use; any number may share rows and bytes.
type Keeper struct {
	store Store
	blobs Blobs
	now   func() time.Time
	log   *slog.Logger
	said  said
}

// New returns the keeper of the bytes in b that the rows of s name.
func New(s Store, b Blobs, o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Keeper{store: s, blobs: b, now: o.Now, log: o.Log}
}

// clock returns the time as rows keep it: whole microseconds, UTC.
func (k *Keeper) clock() time.Time { return k.now().UTC().Truncate(time.Microsecond) }
