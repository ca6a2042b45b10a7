// Package verify checks that the rows and the stored content of an index agree, and repairs what can be derived.
//
// It checks that every file has its content with its size and digests, that metadata, parsed columns and names follow
// from the content, that the rows of an index agree with each other, that what is kept of upstreams exists, and that
// every stored object has a row. It is safe to run beside uploads, deletions and other processes: a row is read in one
// snapshot, and before a finding about content is reported, the rows are read again.
//
// Memory does not depend on the number of projects, files or findings. An interrupted check of content continues where
// it stopped.
package verify
