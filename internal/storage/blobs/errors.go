package blobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"gocloud.dev/gcerrors"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// explain wraps an error of the file system or object store in fault.Unavailable with a message. Context errors and
// faults are returned unchanged.
func explain(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(fault.Unavailable, fmt.Errorf("%w: %w", custody.ErrFull, err), "%s: the disk is full", what)
	}
	return fault.Wrap(fault.Unavailable, err, "%s", what)
}

// explainRead is explain for reads. It returns fault.NotFound for a missing file.
func explainRead(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return notFound(err)
	}
	return explain("the stored content cannot be read", err)
}

// explainRead is explain for reads from a bucket. It returns fault.NotFound for a missing blob.
func (b *Blobs) explainRead(ctx context.Context, err error) error {
	gone, err := b.gone(ctx, err)
	if gone {
		return notFound(err)
	}
	return explain("the stored content cannot be read", err)
}

func notFound(err error) error { return fault.Wrap(fault.NotFound, err, "no such content") }

// bucketKnown is how long a bucket that responded is taken to exist.
const bucketKnown = 10 * time.Second

// gone reports whether err means that there is no such blob, and nothing else: neither a missing permission nor a
// missing bucket. Some stores respond alike about a missing blob and a missing bucket, so gone asks for the bucket too;
// if that fails, it returns the reason in place of err.
func (b *Blobs) gone(ctx context.Context, err error) (bool, error) {
	if err == nil || b.refused(err) != missing {
		return false, err
	}
	if b.folder != nil || time.Since(time.Unix(b.known.Load(), 0)) < bucketKnown {
		return true, err
	}
	if err := b.Ping(ctx); err != nil {
		return false, err
	}
	b.known.Store(time.Now().Unix())
	return true, err
}

// collided reports whether err is a refusal of a write because of another write of the same key.
func (b *Blobs) collided(err error) bool { return err != nil && b.refused(err) == collided }

// refusal is the meaning of a store's error. The codes of gocloud.dev are not enough: for Google a missing permission
// is NotFound, for S3 and Azure a missing bucket is, and conflicts of S3 are Unknown.
type refusal uint8

const (
	otherwise refusal = iota
	missing
	collided
)

// plainRefusal is for folders and memory, where gocloud.dev tells a missing blob exactly.
func plainRefusal(err error) refusal {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return missing
	}
	return otherwise
}
