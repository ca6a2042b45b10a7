// Package catalog is the projects, releases and files of an index.
//
// Each exported method of Index takes the caller right after the context and asks what they may do before anything
// else. A caller who may not read something gets the same answer as if it did not exist. On a private index, anonymous
// callers always get fault.Unauthenticated. A change, its audit entry and its serial are one transaction. A file name
// is never reused for different content, even after the file is deleted.
//
// Files are added by package ingest. Their bytes are package custody's.
//
// Not promised: that a download which began before a deletion is cut short.
package catalog
