//go:build !nogcs

package blobs

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"
)

func init() { drivers[gcsblob.Scheme] = driver{sign: signGCS, refused: refusedGCS} }

// signGCS needs a service account: its key in GOOGLE_APPLICATION_CREDENTIALS, or permission to sign as itself. The
// signature includes only the end time, so the start time is ignored.
func signGCS(ctx context.Context, at place, key string, _, until time.Time) (string, error) {
	return at.SignedURL(ctx, key,
		&blob.SignedURLOptions{Method: http.MethodGet, Expiry: time.Hour, BeforeSign: func(as func(any) bool) error {
			var o *storage.SignedURLOptions
			if as(&o) {
				o.Expires = until
			}
			return nil
		}})
}

// refusedGCS reads the status of Google's response.
func refusedGCS(err error) refusal {
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		switch e.Code {
		case http.StatusNotFound:
			return missing
		case http.StatusConflict, http.StatusPreconditionFailed:
			return collided
		}
		return otherwise
	}
	switch { // with grpc=true in the URL
	case errors.Is(err, storage.ErrObjectNotExist):
		return missing
	case gcerrors.Code(err) == gcerrors.FailedPrecondition:
		return collided
	}
	return otherwise
}
