// Package files serves the files of upstreams, and keeps them.
//
// A file that is not stored is passed on while it arrives, to all clients that want it from one download. Nobody gets
// the end of a file, or any of a small one, before its size and digest are those that the upstream stated. Then the
// file is kept in the same store as files of this index, within a limit: the least recently used content is deleted,
// and is fetched again when it is asked for. The digest of a file never changes without an administrator, also while
// its content is not stored.
//
// Any number of processes may share a database and a store. Each has its own downloads.
package files
