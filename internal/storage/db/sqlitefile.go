package db

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"

	"pyindex/internal/fault"
)

// dbFile identifies the file of a SQLite database. Connections stay with the file that they opened. If that file is
// replaced while the program runs, for example by a restore, they would read and write a file that is no longer
// reachable.
type dbFile struct {
	path string
	open atomic.Pointer[os.FileInfo]
	log  atomic.Pointer[os.FileInfo] // the write-ahead log; nil if there is none
}

// watchFile records the identity of the file at path, which is about to be opened.
func watchFile(path string) (*dbFile, error) {
	f := &dbFile{path: path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f.open.Store(&info)
	return f, nil
}

// noteLog records the write-ahead log of the open file.
func (f *dbFile) noteLog() {
	if info, err := os.Stat(f.path + "-wal"); err == nil {
		f.log.Store(&info)
	}
}

// moved reports whether the path leads to another file or to none. It is false for PostgreSQL.
func (f *dbFile) moved() bool {
	if f == nil {
		return false
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !os.SameFile(*f.open.Load(), info)
}

// next returns the file that is now at the path. It returns fault.Unavailable if there is none, or if the write-ahead
// log of the old file is still beside it, because SQLite would mix the two.
func (f *dbFile) next() (os.FileInfo, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the database file is gone; try again later")
	}
	log, err := os.Stat(f.path + "-wal")
	if old := f.log.Load(); err == nil && old != nil && os.SameFile(*old, log) {
		return nil, fault.New(fault.Unavailable,
			"the database file was replaced, and the write-ahead log of the old one is still beside it; an administrator must stop the index, remove %s-wal and %s-shm, and start it again", f.path, f.path)
	}
	return info, nil
}

// errReplaced returns the error for a change during which the file was replaced.
func errReplaced() error {
	return fault.New(fault.Unavailable, "the database was replaced in the meantime; try again")
}
