package blobs

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"gocloud.dev/gcerrors"

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
		return fault.Wrap(fault.Unavailable, err, "%s: the disk is full", what)
	}
	return fault.Wrap(fault.Unavailable, err, "%s", what)
}

// explainRead is explain for reads. It returns fault.NotFound for a missing blob.
func explainRead(err error) error {
	if errors.Is(err, fs.ErrNotExist) || gcerrors.Code(err) == gcerrors.NotFound {
		return fault.Wrap(fault.NotFound, err, "no such content")
	}
	return explain("the stored content cannot be read", err)
}
