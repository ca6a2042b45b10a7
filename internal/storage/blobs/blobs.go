package blobs

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Options configures Open.
type Options struct {
	// StageDir is the folder for uploads on their way to a store that is not a folder; a temporary directory if "". A
	// folder store stages inside itself, because a rename must not cross file systems.
	StageDir string
	// Delivery is Stream if "". Folder and memory stores always stream; Redirect is fault.Invalid for them.
	Delivery Delivery
	// LinkURL is the URL of the same bucket as clients reach it, in the form of the store's own URL; the store's URL if
	// "".
	LinkURL string
	// LinkLifetime is the minimum lifetime of a signed URL; DefaultLinkLifetime if 0.
	LinkLifetime time.Duration
	// ReadOnly opens an existing folder for reading: nothing is created in it.
	ReadOnly bool
	// Now is time.Now if nil.
	Now func() time.Time
}

// Blobs is an open store. It is safe for concurrent use, and several processes may share a folder.
type Blobs struct {
	bucket *blob.Bucket
	stages *stages
	folder *folder // nil if the store is not a folder
	links  *links  // nil if blobs are streamed
	// refused classifies errors of the bucket.
	refused func(error) refusal
	known   atomic.Int64 // when the bucket last responded, in seconds
}

var (
	_ custody.Blobs    = (*Blobs)(nil)
	_ custody.Together = (*Blobs)(nil)
)

// Open opens the store at a URL: "file:///var/lib/index/blobs", the plain path of a folder, "mem://", or a bucket in
// the form of gocloud.dev: "s3://bucket?region=…", "gs://bucket", "azblob://container". A missing folder is created,
// accessible only by its owner; a bucket is not contacted yet. Open returns fault.Invalid if the store cannot be
// opened.
func Open(ctx context.Context, location string, o Options) (*Blobs, error) {
	scheme, _, ok := strings.Cut(location, "://")
	if ok && scheme != "file" && scheme != "mem" {
		return openStore(ctx, location, o)
	}
	if o.Delivery == Redirect {
		return nil, fault.New(fault.Invalid, "delivery by redirect requires an object store")
	}
	switch {
	case !ok:
		return openFolder(location, o)
	case scheme == "file":
		return openFileURL(location, o)
	}
	return openMemory(o)
}

// openFileURL opens file:///absolute/path and file://./relative/path, as gocloud.dev does.
func openFileURL(location string, o Options) (*Blobs, error) {
	u, err := url.Parse(location)
	if err != nil || u.RawQuery != "" || (u.Host != "" && u.Host != "." && u.Host != "localhost") {
		return nil, fault.New(fault.Invalid, "storage %q cannot be read: write it as file:///path", location)
	}
	if u.Host == "." {
		return openFolder(strings.TrimPrefix(u.Path, "/"), o)
	}
	return openFolder(u.Path, o)
}

// Stage implements custody.Blobs.
func (b *Blobs) Stage(context.Context) (custody.Stage, error) {
	s, err := b.stages.create()
	if err != nil {
		return nil, explain("the content cannot be stored", err)
	}
	return s, nil
}

// Keep implements custody.Blobs. s must come from Stage of the same store. If syncing a stage fails, the stage is lost:
// every later Keep of it fails, because the system forgets the data that it could not write.
func (b *Blobs) Keep(ctx context.Context, key string, s custody.Stage) error {
	if err := checkKey(key); err != nil {
		return err
	}
	from, ok := s.(*stage)
	if !ok || from.of != b.stages {
		return fault.New(fault.Internal, "a stage of another store cannot be kept here")
	}
	return explain("the content cannot be stored", b.keep(ctx, key, from))
}

func (b *Blobs) keep(ctx context.Context, key string, s *stage) error {
	if b.folder != nil {
		return b.folder.keep(key, s)
	}
	return b.upload(ctx, key, s)
}

// Put implements custody.Blobs.
func (b *Blobs) Put(ctx context.Context, key string, p []byte) error {
	s, err := b.Stage(ctx)
	if err != nil {
		return err
	}
	defer s.Discard()
	if _, err := s.Write(p); err != nil {
		return err
	}
	return b.Keep(ctx, key, s)
}

// Open implements custody.Blobs. The blob must be read before ctx ends.
func (b *Blobs) Open(ctx context.Context, key string) (custody.Blob, int64, error) {
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	if b.folder != nil {
		return b.folder.open(key)
	}
	r := &ranged{ctx: ctx, b: b.bucket, key: key}
	if err := r.begin(); err != nil {
		return nil, 0, b.explainRead(ctx, err)
	}
	return r, r.size, nil
}

// Size implements custody.Blobs.
func (b *Blobs) Size(ctx context.Context, key string) (int64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	if b.folder != nil {
		return b.folder.size(key)
	}
	size, err := b.size(ctx, key)
	if err != nil {
		err = b.explainRead(ctx, err)
	}
	return size, err
}

// Each implements custody.Blobs. Other objects in the bucket or folder are included, with Ours unset.
func (b *Blobs) Each(ctx context.Context, f func(custody.Object) error) error {
	if b.folder != nil {
		return explain("the storage cannot be listed", b.folder.each(ctx, f))
	}
	return b.each(ctx, f)
}

// EachUnder calls f for the objects whose keys begin with a prefix, which ends in a slash. Of a folder, it walks only
// the directory of the prefix.
func (b *Blobs) EachUnder(ctx context.Context, prefix string, f func(custody.Object) error) error {
	if b.folder != nil {
		return explain("the storage cannot be listed", b.folder.eachUnder(ctx, prefix, f))
	}
	return b.eachUnder(ctx, prefix, f)
}

// Delete implements custody.Blobs.
func (b *Blobs) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := b.bucket.Delete(ctx, key)
	gone, err := b.gone(ctx, err)
	if gone {
		return nil
	}
	return explain("the stored content cannot be deleted", err)
}

// SweepStages implements custody.Blobs.
func (b *Blobs) SweepStages(ctx context.Context, t time.Time) error { return b.stages.sweep(ctx, t) }

// Ping returns nil if the store responds and, for a folder, is writable. Otherwise it returns fault.Unavailable.
func (b *Blobs) Ping(ctx context.Context) error {
	if b.folder != nil { // asking the bucket would walk the folder
		return b.tryStage(ctx)
	}
	ok, err := b.bucket.IsAccessible(ctx)
	if err == nil && !ok {
		return fault.New(fault.Unavailable, "the storage does not exist, or may not be used")
	}
	return explain("the storage does not answer", err)
}

func (b *Blobs) tryStage(ctx context.Context) error {
	s, err := b.Stage(ctx)
	if err != nil {
		return err
	}
	return explain("the storage folder cannot be written", s.Discard())
}

// Remote reports whether blobs are in an object store, which processes on other machines may use too.
func (b *Blobs) Remote() bool { return b.folder == nil }

// Close closes the store.
func (b *Blobs) Close() error {
	return errors.Join(b.links.close(), b.bucket.Close(), b.stages.close())
}

// DiskSpace returns the free and the total bytes of the disk with a path, or false if they are unknown.
func DiskSpace(path string) (free, total int64, ok bool) { return space(path) }

// Space returns the free and the total bytes of the disk that content and uploads on their way are on. It returns false
// if they are unknown, as for an object store.
func (b *Blobs) Space() (free, total int64, ok bool) {
	if b.folder == nil {
		return 0, 0, false
	}
	return space(b.folder.root)
}
