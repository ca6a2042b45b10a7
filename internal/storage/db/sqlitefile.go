package db

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"

	"pyindex/internal/fault"
)

// dbFile knows which file a SQLite database is. Connections stay with the file that they opened: when another one is
// put in its place while the program runs, a restore for example, they would read and write what nobody finds again.
type dbFile struct {
	path string
	open atomic.Pointer[os.FileInfo]
	log  atomic.Pointer[os.FileInfo] // the write-ahead log; nil while there is none
}

// watchFile notes the file at path as the one that is about to be opened.
func watchFile(path string) (*dbFile, error) {
	f := &dbFile{path: path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f.open.Store(&info)
	return f, nil
}

// noteLog remembers the write-ahead log of the open file.
func (f *dbFile) noteLog() {
	if info, err := os.Stat(f.path + "-wal"); err == nil {
		f.log.Store(&info)
	}
}

// moved reports whether the path leads to another file, or to none. It is false for databases that are no file.
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

// next returns the file that is at the path now. It returns fault.Unavailable if there is none, or if the write-ahead
// log of the old file lies beside it: SQLite would mix the two.
func (f *dbFile) next() (os.FileInfo, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the database file is gone; try again later")
	}
	log, err := os.Stat(f.path + "-wal")
	if old := f.log.Load(); err == nil && old != nil && os.SameFile(*old, log) {
		return nil, fault.New(fault.Unavailable,
			"the database file was replaced, and the write-ahead log of the old one still lies beside it; an administrator must stop the index, remove %s-wal and %s-shm, and start it again", f.path, f.path)
	}
	return info, nil
}

// errReplaced is what a change gets whose file was taken away while it was made.
func errReplaced() error {
	return fault.New(fault.Unavailable, "the database was replaced meanwhile; try again")
}
