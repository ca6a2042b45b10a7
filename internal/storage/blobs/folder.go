package blobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"gocloud.dev/blob/fileblob"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// stageFolder is inside the store's folder, so that a staged file can be renamed instead of copied. Keys never begin
// with a dot.
const stageFolder = ".stage"

// folder stores files durably in the layout of gocloud.dev's fileblob, which does not sync.
type folder struct {
	root  string
	syncs group // of the whole file system

	mu    sync.Mutex
	ready map[string]bool   // directories whose names are synced up to the root
	names map[string]*group // syncs of directories, for the names of directories in them
}

// openFolder opens the store in a folder, which is created if it is missing.
func openFolder(path string, o Options) (*Blobs, error) {
	if path == "" {
		return nil, fault.New(fault.Invalid, "storage requires the path of a folder")
	}
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &stages{dir: filepath.Join(root, stageFolder)}
	if o.ReadOnly {
		if _, err := os.Stat(root); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be read: %v", err)
		}
	} else {
		if err := makeDir(root); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be created: %v", err)
		}
		if s, err = openStages(s.dir); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be written: %v", err)
		}
	}
	bucket, err := fileblob.OpenBucket(root, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the storage folder cannot be opened: %v", err)
	}
	return &Blobs{
		bucket:  bucket,
		stages:  s,
		refused: plainRefusal,
		folder:  &folder{root: root, ready: map[string]bool{}, names: map[string]*group{}},
	}, nil
}

// keep gives a staged file its final name. It syncs the content first, then sets the name, then syncs the directory. An
// existing file is replaced atomically, because it may be damaged. It syncs nothing for a loose stage.
func (d *folder) keep(key string, s *stage) error {
	path := d.path(key)
	if s.loose {
		return d.keepLoose(path, s)
	}
	if err := s.sync(); err != nil {
		return err
	}
	if err := d.makeReady(filepath.Dir(path)); err != nil {
		return err
	}
	if err := name(s.file, path); err != nil {
		return err
	}
	if err := sameSize(path, s.Size()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// keepLoose is keep for content that may be lost.
func (d *folder) keepLoose(path string, s *stage) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := name(s.file, path); err != nil {
		return err
	}
	return sameSize(path, s.Size())
}

func (d *folder) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// name links the staged file to path and replaces an existing file. If links are supported, the staged name remains, so
// that the same stage can be kept again.
func name(staged *os.File, path string) error {
	err := os.Link(staged.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		if is(staged, path) {
			return nil
		}
		next := staged.Name() + ".next"
		if err = os.Link(staged.Name(), next); err == nil {
			return os.Rename(next, path)
		}
	}
	if err == nil || !errors.Is(err, syscall.EPERM) && !errors.Is(err, errors.ErrUnsupported) &&
		!errors.Is(err, syscall.EMLINK) {
		return err
	}
	if is(staged, path) {
		return nil
	}
	return os.Rename(staged.Name(), path)
}

// is reports whether path refers to the open file.
func is(file *os.File, path string) bool {
	a, err := file.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// sameSize detects a file system that did not store the complete file.
func sameSize(path string, size int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() != size {
		return fault.New(fault.Unavailable, "the storage did not store the whole file: it has %d of %d bytes", info.Size(),
			size)
	}
	return err
}

func (d *folder) size(key string) (int64, error) {
	info, err := os.Stat(d.path(key))
	if err != nil {
		return 0, explainRead(err)
	}
	if !info.Mode().IsRegular() {
		return 0, explainRead(fmt.Errorf("%s is not a file", key))
	}
	return info.Size(), nil
}

// each calls f for the files of the folder, except stages.
func (d *folder) each(ctx context.Context, f func(custody.Object) error) error {
	return d.eachUnder(ctx, "", f)
}

// eachUnder is each for the directory of a prefix, which may be missing.
func (d *folder) eachUnder(ctx context.Context, prefix string, f func(custody.Object) error) error {
	return filepath.WalkDir(d.path(prefix), func(path string, e fs.DirEntry, err error) error {
		if prefix != "" && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if e.IsDir() && path == filepath.Join(d.root, stageFolder) {
			return filepath.SkipDir
		}
		if !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // deleted in the meantime
			return nil
		} else if err != nil {
			return err
		}
		key, err := filepath.Rel(d.root, path)
		if err != nil {
			return err
		}
		return f(custody.Object{
			Key: filepath.ToSlash(key), Size: info.Size(), Changed: info.ModTime(), Ours: checkKey(filepath.ToSlash(key)) == nil,
		})
	})
}

// open returns the file itself, which net/http can send without copying.
func (d *folder) open(key string) (custody.Blob, int64, error) {
	f, err := os.Open(d.path(key))
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

// makeReady creates a directory below the root and syncs its name, once per process. It also syncs an existing
// directory, because another process may have created it without syncing. Callers that wait for a sync of the same
// directory share it.
func (d *folder) makeReady(dir string) error {
	if dir == d.root {
		return nil
	}
	parent := filepath.Dir(dir)
	d.mu.Lock()
	ready, names := d.ready[dir], d.names[parent]
	if names == nil {
		names = &group{}
		d.names[parent] = names
	}
	d.mu.Unlock()
	if _, err := os.Lstat(dir); err == nil && ready {
		return nil
	}
	if err := d.makeReady(parent); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := names.do(func() error { return syncDir(parent) }); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready[dir] = true
	return nil
}

// makeDir creates a directory below the root without syncing its name.
func (d *folder) makeDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ready[dir] {
		if _, err := os.Lstat(dir); err == nil {
			return nil
		}
	}
	return os.MkdirAll(dir, 0o700)
}

// makeDir creates a directory and its missing parents, accessible only by their owner, and syncs the new ones.
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

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
