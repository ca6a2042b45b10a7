// Package azure is a driver of gocloud.dev/blob for Azure Blob Storage, on Azure's own client. It is not
// gocloud.dev/blob/azureblob, because that imports Google's client libraries for a single string (decision 0029).
package azure
