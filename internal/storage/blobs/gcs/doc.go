// Package gcs is a driver of gocloud.dev/blob for Google Cloud Storage. Credentials come from
// golang.org/x/oauth2/google, which reads what Google's tools read; the few requests of the JSON API that the index
// makes are made here. Google's own client contains gRPC with all of its extensions, whatever is used of it
// (decision 0029).
package gcs
