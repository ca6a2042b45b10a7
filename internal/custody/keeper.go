// Package custody stores exactly the content that file rows reference.
//
// Content is stored before its row is written and deleted after the row, under keys that are never reused for other
// content. Uploads, deletions and the sweeper coordinate through rows, so any number of processes may share one store.
// Missing or damaged content is never served; uploading the same content again, or a copy of the store, restores it.
//
// Content without a row is not always deleted at once; Sweep deletes it later. Damage may go unnoticed until the
// content is read or CheckStored checks it.
package custody

import (
	"context"
	"log/slog"
	"time"
)

// Options are the settings of a Keeper; the zero value works.
type Options struct {
	Now func() time.Time // time.Now
	Log *slog.Logger     // slog.Default
}

// Keeper manages stored content. It is safe for concurrent use; any number may share a database and store.
type Keeper struct {
	store Store
	blobs Blobs
	now   func() time.Time
	log   *slog.Logger
	said  said
	room  func(ctx context.Context, need int64) bool
}

// New returns the keeper of the content in b that the rows of s reference.
func New(s Store, b Blobs, o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Keeper{store: s, blobs: b, now: o.Now, log: o.Log}
}

// clock returns the time as rows store it: whole microseconds, UTC.
func (k *Keeper) clock() time.Time { return k.now().UTC().Truncate(time.Microsecond) }
