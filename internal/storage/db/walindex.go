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

// walHeader is the header of SQLite's wal-index: two copies of 48 bytes. Every commit changes them before it returns,
// and SQLite's own readers compare them to detect changes (sqlite.org/walformat.html, section 2.1).
type walHeader [12]uint64

// whole reports whether the header was read between two commits and is in use.
func (h *walHeader) whole() bool { return [6]uint64(h[:6]) == [6]uint64(h[6:]) && *h != walHeader{} }

// walIndex is the shared-memory file beside the database, mapped for reading.
type walIndex struct {
	file   *os.File
	mem    []byte
	key    [2]uint64 // device and inode
	number int       // handles in this process that use it; guarded by walIndexes
}

// walIndexes holds the open ones. A process opens each at most once, and closes it only after its last connection to
// the database, because closing any descriptor of a file drops the locks that SQLite holds on it.
var walIndexes = struct {
	sync.Mutex
	open map[[2]uint64]*walIndex
}{open: map[[2]uint64]*walIndex{}}

// openWALIndex maps the wal-index at path. A connection to its database must be open.
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

// mapWALIndex leaves the file open if it cannot be mapped; see walIndexes. This leaks one descriptor.
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

// lostFiles keeps the garbage collector from closing files that must stay open.
var lostFiles []*os.File

// header returns the current header. Another process may be writing it, so the words are loaded one by one, in order.
func (w *walIndex) header() (h walHeader) {
	for i := range h {
		h[i] = atomic.LoadUint64((*uint64)(unsafe.Pointer(&w.mem[i*8])))
	}
	return h
}

// pending returns the number of pages in the log that are not copied into the database yet. It reads mxFrame of the first
// header, and nBackfill after both.
func (w *walIndex) pending() int64 {
	word := func(at int) int64 { return int64(atomic.LoadUint32((*uint32)(unsafe.Pointer(&w.mem[at])))) }
	return max(word(16)-word(96), 0)
}

// close releases the mapping. All connections of its handle must be closed.
func (w *walIndex) close() error {
	walIndexes.Lock()
	defer walIndexes.Unlock()
	if w.number--; w.number > 0 {
		return nil
	}
	delete(walIndexes.open, w.key)
	return errors.Join(syscall.Munmap(w.mem), w.file.Close())
}
