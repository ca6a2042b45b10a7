package custody

import (
	"context"
	"time"
)

// Tx is a transaction with the rows of this package. Uploads, deletions and the sweeper coordinate through rows, never
// by looking in the store. A key is held while an upload that may need it is in progress, used while a row of a file
// references it, of this index or kept from an upstream, and waste otherwise. Waste is marked for deletion, and a mark
// is never withdrawn: a DELETE may be executed late, and must then find no content that is needed. See
// docs/decisions/0013-deletion-and-upload.md.
type Tx interface {
	// HoldBlob records that an upload is about to store or reuse the content of a plain key, and returns the key for it:
	// the one in use, or a new one. generation is used for a new key if the plain key cannot be used.
	HoldBlob(ctx context.Context, plain, generation string, at time.Time) (Held, error)
	// ReleaseBlob ends a hold (held) or follows the deletion of a file (not held). It returns true if the key is now
	// neither held nor referenced: the key is then marked for deletion, and the caller deletes the content and calls
	// ForgetBlob.
	ReleaseBlob(ctx context.Context, key string, held bool) (drop bool, err error)
	// AbandonedBlobs marks for deletion, and returns, at most limit keys that no file row references and whose last hold
	// began before t, including keys left by a replica of an earlier version.
	AbandonedBlobs(ctx context.Context, t time.Time, limit int) ([]string, error)
	// InterruptedDrops returns at most limit keys that have been marked for deletion since before t, or whose owner gave
	// them up. It renews their marks without an owner. Keys that OwnDrop would refuse are not among them.
	InterruptedDrops(ctx context.Context, t time.Time, limit int) ([]string, error)
	// OwnDrop assigns the deletion of a marked key to owner. Call it directly before each DELETE. It returns false if the
	// key is not marked, or if another owner took it at t or later. It returns false as well while a lease is alive, or if
	// a kept backup of the rows alone needs the content: the key remains marked, and a later sweep deletes it.
	OwnDrop(ctx context.Context, key, owner string, t time.Time) (bool, error)
	// YieldDrop gives up a key that owner could not delete. The next InterruptedDrops returns it.
	YieldDrop(ctx context.Context, key, owner string) error
	// ForgetBlob removes the mark of a key whose content was deleted. A plain key is recorded as spent.
	ForgetBlob(ctx context.Context, key string) error
	// ForgetSpent deletes the records of plain keys spent before t: they can be used again.
	ForgetSpent(ctx context.Context, t time.Time) error
	// DropStray marks a key for deletion, and returns true, if no file references it, no upload holds it and it is not
	// marked already.
	DropStray(ctx context.Context, key string) (bool, error)
	// StoredAfter returns the content that files of this index reference and that comes after the given one, each once,
	// ordered by key, files before metadata. Content of upstreams is not among them: it is fetched again if it is lost.
	// The zero Stored comes before all. The result has at most limit digests, each with all its generations, and fewer
	// only if none is left.
	StoredAfter(ctx context.Context, after Stored, limit int) ([]Stored, error)
	// PutCheck stores the outcome of a check and replaces the last one of its kind.
	PutCheck(ctx context.Context, c Check) error
	Checks(ctx context.Context) ([]Check, error)
	// FilesNaming returns at most limit files that reference s, as "repository/filename".
	FilesNaming(ctx context.Context, s Stored, limit int) ([]string, error)
	// Leased returns a live lease, and false if there is none.
	Leased(ctx context.Context) (Lease, bool, error)
	// IsStray reports whether no file references a key, no upload holds it, and it is not marked for deletion.
	IsStray(ctx context.Context, key string) (bool, error)
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
