package blobs

import (
	"context"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

func openMemory(o Options) (*Blobs, error) { return openBucket(memblob.OpenBucket(nil), o) }

func openBucket(bucket *blob.Bucket, o Options) (*Blobs, error) {
	dir := o.StageDir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "index-stage-"); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "no temporary directory can be created: %v", err)
		}
	}
	s, err := openStages(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the staging directory cannot be created: %v", err)
	}
	s.own = o.StageDir == ""
	return &Blobs{bucket: bucket, stages: s, refused: plainRefusal}, nil
}

// Limits on the memory of an upload to a bucket: partSize bytes for each of partsAtOnce, plus one.
const (
	partSize    = 5 << 20
	partsAtOnce = 2
)

// stored returns the headers with which the object store serves blobs. They match those of our own responses.
func stored() *blob.WriterOptions {
	return &blob.WriterOptions{
		ContentType: "application/octet-stream", ContentDisposition: "attachment",
		CacheControl: "private, max-age=31536000, immutable",
		BufferSize:   partSize, MaxConcurrency: partsAtOnce, DisableContentTypeDetection: true,
	}
}

// upload writes a blob, replacing any existing one. Writes are never conditional, because not every store supports
// that. If the store refuses a write because of another one of the same key, the other writer stored the same bytes,
// unless its upload is incomplete: then upload tries once more.
func (b *Blobs) upload(ctx context.Context, key string, s *stage) error {
	err := b.send(ctx, key, s)
	if !b.collided(err) {
		return err
	}
	if size, err := b.size(ctx, key); err == nil && size == s.Size() {
		return nil
	}
	return b.send(ctx, key, s)
}

// send writes a blob and then asks the store for its size, because a store may report success without having stored it.
func (b *Blobs) send(ctx context.Context, key string, s *stage) error {
	if err := b.write(ctx, key, s); err != nil {
		return err
	}
	size, err := b.size(ctx, key)
	if err != nil && b.refused(err) == missing {
		return fault.Wrap(fault.Unavailable, err, "the storage did not store the file")
	}
	if err == nil && size != s.Size() {
		return fault.New(fault.Unavailable, "the storage did not store the whole file: it has %d of %d bytes", size, s.Size())
	}
	return err
}

// write cancels the upload as soon as the stage cannot be read. gocloud.dev closes its writer then, and some stores
// (Google's) would keep the part that was read.
func (b *Blobs) write(ctx context.Context, key string, s *stage) error {
	sending, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	from := io.NewSectionReader(&whole{of: s, size: s.Size(), failed: cancel}, 0, s.Size())
	err := b.bucket.Upload(sending, key, from, stored())
	if cause := context.Cause(sending); cause != nil && ctx.Err() == nil {
		return cause
	}
	return err
}

// whole reads a stage. An end before its size is an error, and errors are reported to failed.
type whole struct {
	of     io.ReaderAt
	size   int64
	failed func(error)
}

func (w *whole) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.of.ReadAt(p, off)
	if err == io.EOF && off+int64(n) < w.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading the staged file: %w", err)
		w.failed(err)
	}
	return n, err
}

func (b *Blobs) size(ctx context.Context, key string) (int64, error) {
	a, err := b.bucket.Attributes(ctx, key)
	if err != nil {
		return 0, err
	}
	return a.Size, nil
}

func (b *Blobs) each(ctx context.Context, f func(custody.Object) error) error {
	return b.eachUnder(ctx, "", f)
}

func (b *Blobs) eachUnder(ctx context.Context, prefix string, f func(custody.Object) error) error {
	list := b.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := list.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return explain("the storage cannot be listed", err)
		}
		if err := f(custody.Object{Key: o.Key, Size: o.Size, Changed: o.ModTime, Ours: checkKey(o.Key) == nil}); err != nil {
			return err
		}
	}
}
