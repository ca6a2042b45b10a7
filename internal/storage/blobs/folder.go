package blobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pyindex/internal/catalog"
)

// folder keeps bytes as files. Stages lie inside it, so that keeping one is a link and not a copy.
type folder struct{ root, stages string }

func openFolder(root string) (*folder, error) {
	f := &folder{root: filepath.Clean(root), stages: filepath.Join(root, ".stage")}
	if err := os.MkdirAll(f.stages, 0o700); err != nil {
		return nil, fmt.Errorf("making the storage folder: %w", err)
	}
	return f, nil
}

func (f *folder) path(key string) string { return filepath.Join(f.root, filepath.FromSlash(key)) }

func (f *folder) stage(context.Context) (*stage, error) { return newStage(f.stages) }

// keep syncs the bytes, gives them their name, and syncs the directories that hold it. A name that exists has the same
// bytes; its directories are synced all the same, since whoever made it may have been killed before that.
func (f *folder) keep(_ context.Context, key string, s *stage) error {
	if err := s.f.Sync(); err != nil {
		return err
	}
	path := f.path(key)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Link(s.f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.syncUp(dir)
}

// syncUp syncs dir and those above it up to the root.
func (f *folder) syncUp(dir string) error {
	for {
		if err := syncDir(dir); err != nil {
			return err
		}
		if dir == f.root {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *folder) open(_ context.Context, key string) (catalog.Blob, int64, error) {
	b, err := os.Open(f.path(key))
	if err != nil {
		return nil, 0, err
	}
	info, err := b.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, b.Close())
	}
	return b, info.Size(), nil
}

func (f *folder) remove(_ context.Context, key string) error {
	err := os.Remove(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *folder) sweep(_ context.Context, t time.Time) error { return sweepStages(f.stages, t) }

// ping writes and removes an empty stage.
func (f *folder) ping(context.Context) error {
	s, err := newStage(f.stages)
	if err != nil {
		return err
	}
	return s.Discard()
}

func (f *folder) close() error { return nil }
