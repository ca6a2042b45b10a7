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
	return &Blobs{bucket: bucket, stages: s}, nil
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

// upload writes a blob, replacing any existing one, and then asks the store for its size, because a store may report
// success without having stored it.
func (b *Blobs) upload(ctx context.Context, key string, from *io.SectionReader) error {
	if err := b.bucket.Upload(ctx, key, from, stored()); err != nil {
		return err
	}
	size, err := b.size(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fault.Wrap(fault.Unavailable, err, "the storage did not store the file")
	}
	if err == nil && size != from.Size() {
		return fault.New(fault.Unavailable, "the storage did not store the whole file: it has %d of %d bytes", size, from.Size())
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
