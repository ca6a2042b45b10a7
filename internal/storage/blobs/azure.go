//go:build !noazure

package blobs

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azure "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"gocloud.dev/blob/azureblob"
)

func init() { drivers[azureblob.Scheme] = driver{sign: signAzure, refused: refusedAzure} }

// signAzure creates a shared access signature, which needs the account key.
func signAzure(_ context.Context, at place, key string, from, until time.Time) (string, error) {
	var c *container.Client
	if !at.As(&c) {
		return "", errors.New("not a container of Azure")
	}
	return c.NewBlobClient(at.prefix+key).GetSASURL(sas.BlobPermissions{Read: true}, until,
		&azure.GetSASURLOptions{StartTime: &from})
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
