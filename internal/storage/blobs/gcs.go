//go:build !nogcs

package blobs

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"pyindex/internal/storage/blobs/gcs"
	"pyindex/internal/storage/blobs/remote"
)

func init() {
	drivers["gs"] = driver{
		open:    func(ctx context.Context, name string, q url.Values) (store, error) { return gcs.Open(ctx, name, q) },
		refused: refusedGCS,
	}
}

// refusedGCS reads the status of Google's response.
func refusedGCS(err error) refusal {
	e, ok := errors.AsType[*remote.Error](err)
	if !ok {
		return otherwise
	}
	switch e.Status {
	case http.StatusNotFound:
		return missing
	case http.StatusConflict, http.StatusPreconditionFailed:
		return collided
	}
	return otherwise
}
