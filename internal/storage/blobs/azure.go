//go:build !noazure

package blobs

import (
	"context"
	"errors"
	"time"

	azure "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"gocloud.dev/blob/azureblob"
)

func init() { drivers[azureblob.Scheme] = driver{sign: signAzure} }

// signAzure creates a shared access signature, which needs the account key.
func signAzure(_ context.Context, at place, key string, from, until time.Time) (string, error) {
	var c *container.Client
	if !at.As(&c) {
		return "", errors.New("not a container of Azure")
	}
	return c.NewBlobClient(at.prefix+key).GetSASURL(sas.BlobPermissions{Read: true}, until,
		&azure.GetSASURLOptions{StartTime: &from})
}
