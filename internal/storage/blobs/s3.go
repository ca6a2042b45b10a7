//go:build !nos3

package blobs

import (
	"context"
	"errors"
	"net/url"

	"pyindex/internal/storage/blobs/remote"
	"pyindex/internal/storage/blobs/s3"
)

func init() {
	drivers["s3"] = driver{
		open:    func(ctx context.Context, name string, q url.Values) (store, error) { return s3.Open(ctx, name, q) },
		refused: refusedS3,
	}
}

// refusedS3 reads S3's error codes. The response to a HEAD has no code but NotFound, not even for a missing bucket.
func refusedS3(err error) refusal {
	e, ok := errors.AsType[*remote.Error](err)
	if !ok {
		return otherwise
	}
	switch e.Code {
	case "NoSuchKey", "NotFound":
		return missing
	case "ConditionalRequestConflict", "OperationAborted", "PreconditionFailed":
		return collided
	}
	return otherwise
}
