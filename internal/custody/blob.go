package custody

import (
	"context"
	"io"
	"time"
)

// FileKey returns the plain key of a file's content: its SHA-256 in hex.
func FileKey(sha256 string) string { return "files/" + sha256[:2] + "/" + sha256 }

// MetadataKey returns the plain key of a ".metadata" sibling. Files and metadata never share a key.
func MetadataKey(sha256 string) string { return "metadata/" + sha256[:2] + "/" + sha256 }

// WithGeneration returns the key of a generation of the content that a plain key names. A key is not reused after its
// content was deleted: the same content then gets a key with another generation. Generation "" has the plain key.
func WithGeneration(plain, generation string) string {
	if generation == "" {
		return plain
	}
	return plain + "." + generation
}

// Stage is private storage for an upload in progress. Discard frees it, and is safe to call twice and after Keep.
type Stage interface {
	io.Writer
	io.ReaderAt
	Size() int64
	Discard() error
}

// Blob is stored content opened for reading. A blob from a local folder is an *os.File, so that sendfile works.
type Blob interface {
	io.ReadSeekCloser
}

// Object describes a stored object.
type Object struct {
	Key     string
	Size    int64
	Changed time.Time
	Ours    bool // the key has the form of an index's keys
}

// Blobs stores content under keys derived from its digest. The rows decide: an object that no row references is waste.
type Blobs interface {
	// Stage returns an empty stage.
	Stage(ctx context.Context) (Stage, error)
	// Keep stores the content of s durably under key before it returns nil: a folder syncs the file and its directory; a
	// remote store must confirm and report the right size. It replaces existing content atomically, and may be retried
	// after an error.
	Keep(ctx context.Context, key string, s Stage) error
	// Put is Keep for small content in memory.
	Put(ctx context.Context, key string, b []byte) error
	// Open returns the content under key and its size in bytes, or fault.NotFound.
	Open(ctx context.Context, key string) (Blob, int64, error)
	// Size returns the size of the content under key without reading it, or fault.NotFound.
	Size(ctx context.Context, key string) (int64, error)
	// Link returns a short-lived URL from which anyone can download the content of the given size under key, or "" if it
	// is only available through Open. If the store has no such content or another size, it returns fault.NotFound or a
	// *SizeError. If the store cannot be asked now, it assumes that the content is there.
	Link(ctx context.Context, key string, size int64) (string, error)
	// Delete deletes a key. Deleting a missing key is not an error.
	Delete(ctx context.Context, key string) error
	// Each calls f for every object of the store except stages, in no particular order. It stops at the first error of f.
	Each(ctx context.Context, f func(Object) error) error
	// SweepStages removes stages that were abandoned before t, by a crash for example.
	SweepStages(ctx context.Context, t time.Time) error
}

// Together is implemented by stores that may keep many files faster together than one by one.
type Together interface {
	// KeepsTogether reports whether KeepAll may be called.
	KeepsTogether() bool
	// KeepAll is Blobs.Keep for many stages, each under the key of the same position. After an error, some may be kept.
	KeepAll(ctx context.Context, keys []string, all []Stage) error
}

// Held is a key held by an upload.
type Held struct {
	Key        string
	Generation string
	// Named reports whether a row of a file of this index already references the key. Its content must then exist and be
	// intact. Content of upstreams alone may be missing, and is not durable.
	Named bool
}

// Stored identifies content that rows reference: its digest, and its size if the rows have it (0 for metadata).
type Stored struct {
	SHA256     string
	Generation string
	Size       int64
	Metadata   bool
}

// Key returns the storage key.
func (s Stored) Key() string {
	if s.Metadata {
		return WithGeneration(MetadataKey(s.SHA256), s.Generation)
	}
	return WithGeneration(FileKey(s.SHA256), s.Generation)
}

func (s Stored) plain() string { return Stored{SHA256: s.SHA256, Metadata: s.Metadata}.Key() }
