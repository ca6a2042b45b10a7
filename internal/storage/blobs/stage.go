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

// stages is a directory of files on their way in.
type stages struct {
	dir string
	own bool // made for this store alone: it goes when the store is closed
}

// openStages makes the directory, for its owner alone.
func openStages(dir string) (*stages, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &stages{dir: dir}, nil
}

func (s *stages) create() (*stage, error) {
	f, err := os.CreateTemp(s.dir, "upload-*") // mode 0600
	if errors.Is(err, fs.ErrNotExist) {        // somebody tidied up
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

// sweep removes stages that nobody has written to since t. Other processes may be staging here, so age alone decides.
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

// stage is one file on its way in. Writing and keeping belong to one goroutine.
type stage struct {
	of   *stages
	file *os.File
	size int64
	lost error // set when a sync failed

	discard sync.Once
}

// Write adds to the end; fault.Unavailable when the disk takes no more.
func (s *stage) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, explain("the bytes cannot be stored", err)
}

// ReadAt reads what was written.
func (s *stage) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

// Size returns how many bytes were written.
func (s *stage) Size() int64 { return s.size }

// sync makes the bytes durable. After a failure the system may report later ones as done that were not, so the first
// failure stands.
func (s *stage) sync() error {
	if s.lost == nil {
		if err := s.file.Sync(); err != nil {
			s.lost = fault.Wrap(fault.Unavailable, err, "the disk did not take the bytes; send them again")
		}
	}
	return s.lost
}

// Discard closes the file and removes its name, if it still has the one it was staged under.
func (s *stage) Discard() (err error) {
	s.discard.Do(func() {
		err = s.file.Close()
		if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	})
	return err
}
