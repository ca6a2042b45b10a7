// Package namelog keeps a copy of the names of an index beside its content: own names, deleted projects and the names
// of deleted files. A database that is restored from a backup lacks the names that were created after the backup.
// Without the copy, an upstream could answer for them, and a deleted file name could be used again.
//
// The copy consists of objects in the store, called segments. A segment has all names, or those that changed since the
// last one, and states the id of the index and when it was written. Each change is noted in the same transaction
// (names_unsaved) and written by a background loop of one replica, at most a minute later. A change of the last minute
// before a loss may be missing. An object is never changed; its key contains its digest.
//
// Finish ends the state recovered: it reads the copy, adds the names that the database lacks, and opens the index for
// uploads.
package namelog
