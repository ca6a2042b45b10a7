package catalog

import (
	"context"
	"io"
	"time"
)

// FileKey names the bytes of a file by their SHA-256 in hex.
func FileKey(sha256 string) string { return "files/" + sha256[:2] + "/" + sha256 }

// MetadataKey names the bytes of a ".metadata" sibling by their SHA-256 in hex. Kinds never share a key.
func MetadataKey(sha256 string) string { return "metadata/" + sha256[:2] + "/" + sha256 }

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

// Blobs keeps bytes under keys that name their content. Rows are the truth: a key without a row is only waste.
type Blobs interface {
	// Stage returns an empty stage.
	Stage(ctx context.Context) (Stage, error)
	// Keep makes s's bytes durable under key before it returns nil: file and directory synced, or the store's word.
	// A key that exists already is left as it is, since it holds the same bytes. After an error a retry may follow.
	Keep(ctx context.Context, key string, s Stage) error
	// Put is Keep for a few bytes in memory.
	Put(ctx context.Context, key string, b []byte) error
	// Open returns the bytes under key and their number; fault.NotFound where there are none.
	Open(ctx context.Context, key string) (Blob, int64, error)
	// Link returns a URL from which anybody may read the size bytes under key for a short time, and "" where they are to
	// be had through Open alone.
	Link(ctx context.Context, key string, size int64) (string, error)
	// Delete removes a key; one that does not exist is fine.
	Delete(ctx context.Context, key string) error
	// SweepStages removes stages that were abandoned before t, by a crash for instance.
	SweepStages(ctx context.Context, t time.Time) error
}

// BlobRows is how uploads, deletions and the sweeper agree about bytes: through rows, never by looking in the bucket.
// A key is held while an upload that may need it is under way, used while a file row names it, and otherwise waste.
type BlobRows interface {
	// HoldBlob notes that an upload is about to keep or reuse key. fault.Unavailable while the key is being dropped.
	HoldBlob(ctx context.Context, key string, at time.Time) error
	// ReleaseBlob ends a hold (held) or follows the deletion of a file (not held). It returns true where the key is now
	// neither held nor named by a file row: it is then marked as being dropped, and the caller deletes the bytes and
	// calls ForgetBlob.
	ReleaseBlob(ctx context.Context, key string, held bool) (drop bool, err error)
	// AbandonedBlobs marks as being dropped, and returns, at most limit keys that no file row names and whose last hold
	// began before t, together with keys whose dropping was interrupted before t.
	AbandonedBlobs(ctx context.Context, t time.Time, limit int) ([]string, error)
	// InterruptedDrops returns at most limit keys that have been marked as being dropped since before t, and marks them
	// afresh: whoever was dropping them is taken for dead.
	InterruptedDrops(ctx context.Context, t time.Time, limit int) ([]string, error)
	// ForgetBlob removes the row of a key that is being dropped.
	ForgetBlob(ctx context.Context, key string) error
}
