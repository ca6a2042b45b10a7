package blobs

import (
	"context"
	"io"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// openMemory opens a store that is gone when the process ends.
func openMemory(o Options) (*Blobs, error) { return openBucket(memblob.OpenBucket(nil), o) }

// openBucket makes a store of any bucket.
func openBucket(bucket *blob.Bucket, o Options) (*Blobs, error) {
	dir := o.StageDir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "index-stage-"); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "no temporary directory can be made: %v", err)
		}
	}
	s, err := openStages(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the staging directory cannot be made: %v", err)
	}
	s.own = o.StageDir == ""
	return &Blobs{bucket: bucket, stages: s}, nil
}

// Bounds on what an upload holds in memory on its way to the store: partSize bytes for each of partsAtOnce, and one
// more.
const (
	partSize    = 5 << 20
	partsAtOnce = 2
)

// stored is what the store says of every object when it serves it itself, which is what our own answers say.
func stored() *blob.WriterOptions {
	return &blob.WriterOptions{
		ContentType: "application/octet-stream", ContentDisposition: "attachment",
		CacheControl: "private, max-age=31536000, immutable",
		BufferSize:   partSize, MaxConcurrency: partsAtOnce, DisableContentTypeDetection: true,
	}
}

// upload writes bytes under a key, whatever is there, and then asks the store how many it has: a store that answers
// success may not have kept them.
func (b *Blobs) upload(ctx context.Context, key string, from *io.SectionReader) error {
	if err := b.bucket.Upload(ctx, key, from, stored()); err != nil {
		return err
	}
	size, err := b.size(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fault.Wrap(fault.Unavailable, err, "the storage did not keep the bytes: it has none of them")
	}
	if err == nil && size != from.Size() {
		return fault.New(fault.Unavailable, "the storage did not keep the bytes: it has %d of %d", size, from.Size())
	}
	return err
}

func (b *Blobs) size(ctx context.Context, key string) (int64, error) {
	a, err := b.bucket.Attributes(ctx, key)
	if err != nil {
		return 0, err
	}
	return a.Size, nil
}

// each yields the objects of a bucket.
func (b *Blobs) each(ctx context.Context, f func(custody.Object) error) error {
	list := b.bucket.List(nil)
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
