package custody

import (
	"context"
	"time"
)

// Tx is what this package needs of a transaction. Uploads, deletions and the sweeper agree about bytes through rows,
// never by looking in the bucket. A key is held while an upload that may need it is under way, used while a file row
// names it, and otherwise waste. Waste is marked as being dropped, and no mark is ever taken back: a DELETE may be
// carried out late, and then it must not find bytes that somebody needs. docs/decisions/0013-deletion-and-upload.md has
// the protocol.
type Tx interface {
	// HoldBlob notes that an upload is about to keep or reuse the bytes that a plain key names, and returns the key for
	// them: the one in use, or a new one. New is the generation of the new one if the plain key cannot be used.
	HoldBlob(ctx context.Context, plain, generation string, at time.Time) (Held, error)
	// ReleaseBlob ends a hold (held) or follows the deletion of a file (not held). It returns true where the key is now
	// neither held nor named by a file row: it is then marked as being dropped, and the caller deletes the bytes and
	// calls ForgetBlob.
	ReleaseBlob(ctx context.Context, key string, held bool) (drop bool, err error)
	// AbandonedBlobs marks as being dropped, and returns, at most limit keys that no file row names and whose last hold
	// began before t, also those that a replica of an earlier version left behind.
	AbandonedBlobs(ctx context.Context, t time.Time, limit int) ([]string, error)
	// InterruptedDrops returns at most limit keys that have been marked as being dropped since before t, or whose owner
	// gave them up. It marks them afresh, without an owner.
	InterruptedDrops(ctx context.Context, t time.Time, limit int) ([]string, error)
	// OwnDrop makes owner the one who deletes the bytes of a key that is being dropped, and is called directly before each
	// DELETE. It returns false if the key is not being dropped, or has another owner who took it at t or later.
	OwnDrop(ctx context.Context, key, owner string, t time.Time) (bool, error)
	// YieldDrop gives up a key that owner could not delete. The next InterruptedDrops returns it.
	YieldDrop(ctx context.Context, key, owner string) error
	// ForgetBlob ends the dropping of a key whose bytes are deleted. A plain key is remembered as spent.
	ForgetBlob(ctx context.Context, key string) error
	// ForgetSpent forgets plain keys that were spent before t: they can be used again.
	ForgetSpent(ctx context.Context, t time.Time) error
	// DropStray marks a key as being dropped, and returns true, if no file names it, no upload holds it and it is not
	// being dropped already.
	DropStray(ctx context.Context, key string) (bool, error)
	// StoredAfter returns stored bytes that files name, files first and then metadata, each once and ordered by key, that
	// come after another; the zero Stored is before all. They have limit digests at the most, each with all its
	// generations, and are fewer than limit only if none comes after them.
	StoredAfter(ctx context.Context, after Stored, limit int) ([]Stored, error)
	// PutCheck keeps the outcome of a check, in place of the last one of its kind.
	PutCheck(ctx context.Context, c Check) error
	Checks(ctx context.Context) ([]Check, error)
	// FilesNaming returns at most limit files that name stored bytes, as "repository/filename".
	FilesNaming(ctx context.Context, s Stored, limit int) ([]string, error)
	// IsStray reports whether no file names a key, no upload holds it, and nobody is about to remove it.
	IsStray(ctx context.Context, key string) (bool, error)
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
