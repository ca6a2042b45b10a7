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

// upload writes bytes under a key, unless it exists. The question before is only to spare the transfer; the store
// itself refuses the second of two who write at once.
func (b *Blobs) upload(ctx context.Context, key string, from io.Reader) error {
	if there, err := b.bucket.Exists(ctx, key); err != nil || there {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream", IfNotExist: true})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, from); err != nil {
		cancel() // before Close, which would otherwise keep what was written so far
		w.Close()
		return err
	}
	err = w.Close()
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return nil
	}
	return err
}
