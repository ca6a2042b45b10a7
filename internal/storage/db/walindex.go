//go:build linux || darwin

package db

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// walHeader is the head of SQLite's wal-index: two copies of 48 bytes that every commit changes before it returns, and
// that SQLite's own readers compare to find out whether anything happened (sqlite.org/walformat.html, section 2.1).
type walHeader [12]uint64

// whole reports whether the header was read between two commits, and is in use at all.
func (h *walHeader) whole() bool { return [6]uint64(h[:6]) == [6]uint64(h[6:]) && *h != walHeader{} }

// walIndex is the file beside the database that its processes share as memory, mapped for reading.
type walIndex struct {
	file   *os.File
	mem    []byte
	key    [2]uint64 // device and inode
	number int       // of handles in this process that use it; guarded by walIndexes
}

// walIndexes are the open ones. A process has each at most once, and closes it only when no connection of the process
// uses the database any more: closing any descriptor of a file drops the locks that SQLite holds on it.
var walIndexes = struct {
	sync.Mutex
	open map[[2]uint64]*walIndex
}{open: map[[2]uint64]*walIndex{}}

// openWALIndex maps the wal-index at path, while a connection to its database is open.
func openWALIndex(path string) (*walIndex, error) {
	walIndexes.Lock()
	defer walIndexes.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Size() < int64(os.Getpagesize()) {
		return nil, errors.ErrUnsupported
	}
	key := [2]uint64{uint64(st.Dev), uint64(st.Ino)}
	w := walIndexes.open[key]
	if w == nil {
		if w, err = mapWALIndex(path); err != nil {
			return nil, err
		}
		w.key = key
		walIndexes.open[key] = w
	}
	w.number++
	return w, nil
}

// mapWALIndex does not close the file when it cannot be mapped; see walIndexes. One descriptor is lost then.
func mapWALIndex(path string) (*walIndex, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	mem, err := syscall.Mmap(int(f.Fd()), 0, os.Getpagesize(), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		lostFiles = append(lostFiles, f)
		return nil, err
	}
	return &walIndex{file: f, mem: mem}, nil
}

// lostFiles keeps the collector from closing what must stay open.
var lostFiles []*os.File

// header returns the header as it is now. Another process may be writing it: the words are loaded one by one, in order.
func (w *walIndex) header() (h walHeader) {
	for i := range h {
		h[i] = atomic.LoadUint64((*uint64)(unsafe.Pointer(&w.mem[i*8])))
	}
	return h
}

// close gives the mapping up, after all connections of its handle are closed.
func (w *walIndex) close() error {
	walIndexes.Lock()
	defer walIndexes.Unlock()
	if w.number--; w.number > 0 {
		return nil
	}
	delete(walIndexes.open, w.key)
	return errors.Join(syscall.Munmap(w.mem), w.file.Close())
}
