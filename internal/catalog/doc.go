// Package catalog manages the projects, releases and files of an index.
//
// Each exported method of Index takes the caller right after the context and checks permissions before anything else. A
// caller who may not read something gets the same answer as if it did not exist. On a private index, anonymous callers
// always get fault.Unauthenticated. A change, its audit entry and its serial are one transaction. A file name is never
// reused for different content, even after the file is deleted.
//
// Package ingest adds files, and package custody stores their content.
//
// Deleting a file does not interrupt downloads that have already started.
package catalog
