package blobs

import (
	"context"
	"io"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

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

// Bounds on what an upload holds in memory on its way to the store: partSize bytes for each of partsAtOnce, and one more.
const (
	partSize    = 5 << 20
	partsAtOnce = 2
)

// stored is what the store says of every object when it serves it itself, which is what our own answers say.
func stored() *blob.WriterOptions {
	return &blob.WriterOptions{
		ContentType: "application/octet-stream", ContentDisposition: "attachment", CacheControl: "private, max-age=31536000, immutable",
		BufferSize: partSize, MaxConcurrency: partsAtOnce, DisableContentTypeDetection: true, IfNotExist: true,
	}
}

// upload writes bytes under a key, unless it exists. The question before is only to spare the transfer; the store
// itself refuses the second of two who write at once.
func (b *Blobs) upload(ctx context.Context, key string, from *io.SectionReader) error {
	switch a, err := b.bucket.Attributes(ctx, key); {
	case err == nil && a.Size == from.Size():
		return nil
	case err == nil:
		return fault.New(fault.Internal, "%s has %d bytes where %d are right: it is damaged", key, a.Size, from.Size())
	case gcerrors.Code(err) != gcerrors.NotFound:
		return err
	}
	o := stored()
	err := b.bucket.Upload(ctx, key, from, o)
	if gcerrors.Code(err) == gcerrors.Unimplemented { // a store without conditions: the same bytes are written twice at worst
		o.IfNotExist = false
		from.Seek(0, io.SeekStart)
		err = b.bucket.Upload(ctx, key, from, o)
	}
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return nil
	}
	return err
}
