package custody

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

// plain returns the plain key of the bytes.
func (s Stored) plain() string { return Stored{SHA256: s.SHA256, Metadata: s.Metadata}.Key() }
