// Package s3 is a driver of gocloud.dev/blob for Amazon S3 and the stores that speak its protocol. Credentials, regions
// and the policy of retries come from AWS's own packages, which read what its tools read; the few requests that the
// index makes are made here. The whole client of AWS is a large part of a program, whatever is used of it
// (decision 0029).
package s3
