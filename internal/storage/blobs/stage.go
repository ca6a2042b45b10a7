package blobs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pyindex/internal/fault"
)

// stagePrefix begins the names of stages.
const stagePrefix = "upload-"

// stage is bytes on their way in, in a file of their own.
type stage struct {
	f    *os.File
	size int64
}

func newStage(dir string) (*stage, error) {
	f, err := os.CreateTemp(dir, stagePrefix+"*")
	if err != nil {
		return nil, err
	}
	return &stage{f: f}, nil
}

// Write adds bytes. A full disk is fault.Unavailable.
func (s *stage) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	s.size += int64(n)
	if err != nil {
		return n, fault.Wrap(fault.Unavailable, err, "the storage has no room for this just now: try again, and tell the operator if it lasts")
	}
	return n, nil
}

// ReadAt reads what was written.
func (s *stage) ReadAt(p []byte, off int64) (int, error) { return s.f.ReadAt(p, off) }

// Size returns how many bytes were written.
func (s *stage) Size() int64 { return s.size }

// Discard removes the stage's file, under its own name: kept bytes have another.
func (s *stage) Discard() error {
	err := s.f.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	if gone := os.Remove(s.f.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// sweepStages removes stages in dir that were last written before t. One that vanishes meanwhile is fine.
func sweepStages(dir string, t time.Time) error {
	found, err := filepath.Glob(filepath.Join(dir, stagePrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range found {
		info, err := os.Stat(path)
		if err == nil && info.ModTime().Before(t) {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
