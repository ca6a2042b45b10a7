package blobs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pyindex/internal/fault"
)

// stages is a directory of files being uploaded.
type stages struct {
	dir string
	own bool // created for this store and removed when the store is closed
}

func openStages(dir string) (*stages, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &stages{dir: dir}, nil
}

func (s *stages) create() (*stage, error) {
	f, err := os.CreateTemp(s.dir, "upload-*") // mode 0600
	if errors.Is(err, fs.ErrNotExist) {        // the directory was removed by others
		if err = os.MkdirAll(s.dir, 0o700); err == nil {
			f, err = os.CreateTemp(s.dir, "upload-*")
		}
	}
	if err != nil {
		return nil, err
	}
	return &stage{of: s, file: f}, nil
}

func (s *stages) close() error {
	if s.own {
		return os.RemoveAll(s.dir)
	}
	return nil
}

// sweep removes stages last written before t. Other processes may be staging here too, so only the age decides.
func (s *stages) sweep(ctx context.Context, t time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("the stages cannot be read", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(t) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("a stage cannot be removed", err)
		}
	}
	return nil
}

// stage is one file being uploaded. One goroutine writes and keeps it.
type stage struct {
	of   *stages
	file *os.File
	size int64
	lost error // set if a sync failed

	loose bool // kept without waiting until it is durable

	discard sync.Once
}

// Write appends to the file. It returns fault.Unavailable if the disk is full or fails.
func (s *stage) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, explain("the content cannot be stored", err)
}

// Loosen makes Keep return before the content is durable.
func (s *stage) Loosen() { s.loose = true }

func (s *stage) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

func (s *stage) Size() int64 { return s.size }

// sync makes the content durable. After a failed sync the system may report later syncs as successful although data was
// lost, so the first failure is final.
func (s *stage) sync() error {
	if s.lost == nil {
		if err := s.file.Sync(); err != nil {
			s.lost = fault.Wrap(fault.Unavailable, err, "the disk did not store the file; send it again")
		}
	}
	return s.lost
}

// Discard closes the file and removes its staged name, if that still exists.
func (s *stage) Discard() (err error) {
	s.discard.Do(func() {
		err = s.file.Close()
		if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	})
	return err
}
