package catalog

import (
	"context"
	"io"
	"time"
)

// FileKey is the plain key of a file's bytes: their SHA-256 in hex.
func FileKey(sha256 string) string { return "files/" + sha256[:2] + "/" + sha256 }

// MetadataKey is the plain key of the bytes of a ".metadata" sibling. Kinds never share a key.
func MetadataKey(sha256 string) string { return "metadata/" + sha256[:2] + "/" + sha256 }

// WithGeneration returns the key of a generation of the bytes that a plain key names. A key is not used again after its
// bytes were deleted: the same bytes get a key of another generation then. The plain key is the one of generation "".
func WithGeneration(plain, generation string) string {
	if generation == "" {
		return plain
	}
	return plain + "." + generation
}

// Key names the stored bytes of f.
func (f File) Key() string { return WithGeneration(FileKey(f.SHA256), f.Generation) }

// MetadataKey names the stored bytes of f's ".metadata" sibling, and is "" if it has none.
func (f File) MetadataKey() string {
	if f.MetadataSHA256 == "" {
		return ""
	}
	return WithGeneration(MetadataKey(f.MetadataSHA256), f.MetadataGeneration)
}

// keys are all keys that f names.
func (f File) keys() []string {
	if f.MetadataSHA256 == "" {
		return []string{f.Key()}
	}
	return []string{f.Key(), f.MetadataKey()}
}

// Stage is a private place for bytes on their way in. Discard frees it and is safe to call twice and after Keep.
type Stage interface {
	io.Writer
	io.ReaderAt
	Size() int64
	Discard() error
}

// Blob is stored bytes, opened for reading. Where they lie in a folder it is an *os.File, so that sendfile works.
type Blob interface {
	io.ReadSeekCloser
}

// Object is what a store has under a key.
type Object struct {
	Key     string
	Size    int64
	Changed time.Time
	Ours    bool // whether its key has the form of ours
}

// Blobs keeps bytes under keys that name their content. Rows are the truth: a key without a row is only waste.
type Blobs interface {
	// Stage returns an empty stage.
	Stage(ctx context.Context) (Stage, error)
	// Keep makes s's bytes durable under key before it returns nil: file and directory synced, or the store's word and the
	// size that it then tells. It replaces what is under key, all at once. After an error a retry may follow.
	Keep(ctx context.Context, key string, s Stage) error
	// Put is Keep for a few bytes in memory.
	Put(ctx context.Context, key string, b []byte) error
	// Open returns the bytes under key and their number; fault.NotFound where there are none.
	Open(ctx context.Context, key string) (Blob, int64, error)
	// Size returns the number of the bytes under key without reading them; fault.NotFound if there are none.
	Size(ctx context.Context, key string) (int64, error)
	// Link returns a URL from which anybody may read the size bytes under key for a short time, and "" where they are to
	// be had through Open alone. If the store has no such bytes or another number of them, it returns fault.NotFound or a
	// *SizeError. A store that cannot be asked now gets the benefit of the doubt.
	Link(ctx context.Context, key string, size int64) (string, error)
	// Delete removes a key; one that does not exist is fine.
	Delete(ctx context.Context, key string) error
	// Each yields every object of the store, in no particular order. Stages are none. It ends with the first error of f.
	Each(ctx context.Context, f func(Object) error) error
	// SweepStages removes stages that were abandoned before t, by a crash for instance.
	SweepStages(ctx context.Context, t time.Time) error
}

// Held is the key that an upload holds for bytes.
type Held struct {
	Key        string
	Generation string
	// Named reports whether a file row names the key already: then its bytes must be there, and be right.
	Named bool
}

// BlobRows is how uploads, deletions and the sweeper agree about bytes: through rows, never by looking in the bucket.
// A key is held while an upload that may need it is under way, used while a file row names it, and otherwise waste. Waste
// is marked as being dropped, and no mark is ever taken back: a DELETE may be carried out late, and then it must not find
// bytes that somebody needs. docs/decisions/0013-deletion-and-upload.md has the protocol.
type BlobRows interface {
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
	// DropStray marks a key as being dropped, and returns true, if no file names it, no upload holds it and it is not being
	// dropped already.
	DropStray(ctx context.Context, key string) (bool, error)
	// StoredAfter returns stored bytes that files name, files first and then metadata, each once and ordered by key, that come
	// after another; the zero Stored is before all. They have limit digests at the most, each with all its generations, and
	// are fewer than limit only if none comes after them.
	StoredAfter(ctx context.Context, after Stored, limit int) ([]Stored, error)
}

// Stored names bytes that file rows need: their digest, and their number if rows tell it (0 for metadata).
type Stored struct {
	SHA256     string
	Generation string
	Size       int64
	Metadata   bool
}

// Key names the bytes.
func (s Stored) Key() string {
	if s.Metadata {
		return WithGeneration(MetadataKey(s.SHA256), s.Generation)
	}
	return WithGeneration(FileKey(s.SHA256), s.Generation)
}
