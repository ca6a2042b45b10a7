//go:build !noazure

package blobs

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"pyindex/internal/storage/blobs/azure"
)

func init() {
	drivers["azblob"] = driver{
		open:    func(_ context.Context, name string, q url.Values) (store, error) { return azure.Open(name, q) },
		refused: refusedAzure,
	}
}

// refusedAzure reads Azure's error code, which responses to HEAD have too.
func refusedAzure(err error) refusal {
	e, ok := errors.AsType[*azcore.ResponseError](err)
	switch {
	case !ok:
		return otherwise
	case bloberror.Code(e.ErrorCode) == bloberror.BlobNotFound:
		return missing
	case e.StatusCode == http.StatusConflict || e.StatusCode == http.StatusPreconditionFailed:
		return collided
	}
	return otherwise
}
