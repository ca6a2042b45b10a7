package blobs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"gocloud.dev/blob/fileblob"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// stageFolder lies inside the folder, so that a staged file can get its final name without being copied. Keys never
// begin with a dot.
const stageFolder = ".stage"

// folder keeps files durably in the layout of gocloud.dev's fileblob, which syncs nothing itself.
type folder struct {
	root string

	mu    sync.Mutex
	ready map[string]bool // directories whose own names are synced up to the root
}

// openFolder opens the store in a folder, which is made when missing.
func openFolder(path string) (*Blobs, error) {
	if path == "" {
		return nil, fault.New(fault.Invalid, "storage needs the path of a folder")
	}
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makeDir(root); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be made: %v", err)
	}
	s, err := openStages(filepath.Join(root, stageFolder))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be written: %v", err)
	}
	bucket, err := fileblob.OpenBucket(root, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be opened: %v", err)
	}
	return &Blobs{bucket: bucket, stages: s, folder: &folder{root: root, ready: map[string]bool{}}}, nil
}

// keep gives a staged file its final name: bytes first, then the name, then the directory that holds the name. Where the
// name exists already the directory is synced all the same, because whoever made the name may not have got that far.
func (d *folder) keep(key string, s *stage) error {
	path := filepath.Join(d.root, filepath.FromSlash(key))
	if err := s.sync(); err != nil {
		return err
	}
	if err := d.makeReady(filepath.Dir(path)); err != nil {
		return err
	}
	if err := name(s.file.Name(), path); err != nil {
		return err
	}
	if err := sameSize(path, s.Size()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// name links the staged file to path, unless path exists. On file systems without links it is renamed: that may replace a
// file which appeared in between, by one with the same bytes.
func name(staged, path string) error {
	err := os.Link(staged, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EMLINK) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return os.Rename(staged, path)
}

// sameSize finds files that were cut short by something other than us, which no retry would mend.
func sameSize(path string, size int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() != size {
		return fault.New(fault.Internal, "%s has %d bytes where %d are right: it is damaged", path, info.Size(), size)
	}
	return err
}

// open returns the file itself, which net/http can send without copying.
func (d *folder) open(key string) (catalog.Blob, int64, error) {
	f, err := os.Open(filepath.Join(d.root, filepath.FromSlash(key)))
	if err != nil {
		return nil, 0, explainRead(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", key)
	}
	if err != nil {
		f.Close()
		return nil, 0, explainRead(err)
	}
	return f, info.Size(), nil
}

// makeReady makes a directory below the root and makes its name durable, once in the life of this process: also where
// it exists, since another process may have made it and not synced it.
func (d *folder) makeReady(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := os.Lstat(dir); err == nil && d.ready[dir] {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for up := dir; up != d.root; {
		up = filepath.Dir(up)
		if err := syncDir(up); err != nil {
			return err
		}
	}
	d.ready[dir] = true
	return nil
}

// makeDir makes a directory and those above it, for their owner alone, and syncs the ones that had to be made.
func makeDir(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
