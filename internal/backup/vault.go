package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// Names in the folder of a backup that readers do not need.
const (
	lockName   = "lock"
	tempFolder = "tmp"
)

// vault is the folder of a backup that is changed or verified.
type vault struct {
	*Folder
	lock *os.File // nil if it is only read
}

// openVault opens an existing backup.
func openVault(dir string) (*vault, error) {
	f, err := OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	return &vault{Folder: f}, nil
}

// change locks the backup against other runs that change it. It returns fault.Conflict if one is running. The system
// releases the lock when the process ends.
func (v *vault) change() (err error) {
	v.lock, err = lockFile(filepath.Join(v.dir, lockName))
	if errors.Is(err, errLocked) {
		return fault.New(fault.Conflict, "another process is changing the backup in %s: wait until it is done", v.dir)
	}
	if err != nil {
		return explain("the backup cannot be locked", err)
	}
	return nil
}

func (v *vault) close() {
	if v.lock != nil {
		v.lock.Close()
	}
	v.Folder.Close()
}

func (v *vault) path(parts ...string) string {
	return filepath.Join(append([]string{v.dir}, parts...)...)
}

// createVault creates the folder of a backup, or opens an existing one. It returns fault.Conflict if the folder
// contains something else, or lies inside one of the given folders.
func createVault(dir string, within []string) (*vault, error) {
	for _, w := range within {
		at, err := realPath(dir)
		if err != nil {
			return nil, explain("the folder of the backup cannot be found", err)
		}
		if own, err := realPath(w); err == nil && inside(at, own) {
			return nil, fault.New(fault.Conflict, "%s is in %s, which the index itself uses: choose a folder elsewhere, "+
				"on another disk if possible", dir, w)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explain("the folder of the backup cannot be created", err)
	}
	real, err := realPath(dir)
	if err != nil {
		return nil, explain("the folder of the backup cannot be found", err)
	}
	v, err := openVault(real)
	if !fault.Is(err, fault.Invalid) {
		return v, err
	}
	all, err := os.ReadDir(real)
	if err != nil {
		return nil, explain("the folder of the backup cannot be read", err)
	}
	all = slices.DeleteFunc(all, func(e os.DirEntry) bool { return e.Name() == markFile+".new" }) // of an interrupted run
	if len(all) > 0 {
		return nil, fault.New(fault.Conflict,
			"%s contains other files: choose an empty folder, or that of an earlier backup", dir)
	}
	if err := writeDurably(filepath.Join(real, markFile), []byte(markText)); err != nil {
		return nil, explain("the folder of the backup cannot be written", err)
	}
	return openVault(real)
}

// realPath returns the absolute path without symbolic links. The end of the path need not exist.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		real, err = realPath(parent)
		return filepath.Join(real, filepath.Base(path)), err
	}
	return real, err
}

// inside reports whether a real path is a folder or lies in it.
func inside(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// writeDurably writes a file that is complete whenever it exists.
func writeDurably(path string, b []byte) error {
	f, err := regular.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// ids returns the ids of the snapshotsDir, oldest first, and those of interrupted runs.
func (v *vault) ids() (whole, dead []string, err error) {
	all, err := os.ReadDir(v.path(snapshotsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, explain("the snapshots cannot be listed", err)
	}
	for _, e := range all {
		_, err := os.Stat(v.path(snapshotsDir, e.Name(), manifestFile))
		switch {
		case err == nil:
			whole = append(whole, e.Name())
		case errors.Is(err, fs.ErrNotExist):
			dead = append(dead, e.Name())
		default:
			return nil, nil, explain("the snapshots cannot be listed", err)
		}
	}
	slices.Sort(whole)
	return whole, dead, nil
}

// eachContent calls f for the list of content of a snapshot.
func (v *vault) eachContent(id string, each func(Content) error) error {
	list, err := v.OpenList(Manifest{ID: id})
	if err != nil {
		return explain("the list of content cannot be read", err)
	}
	defer list.Close()
	return EachContent(list, each)
}

// explain returns an error of the file system as a fault with advice.
func explain(what string, err error) error {
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded):
		return err
	case isFull(err):
		return fault.Wrap(fault.Unavailable, err,
			"%s: the disk is full; free some space, for example with index backup prune, "+
				"and run the backup again, which continues with the content that is already there", what)
	case isReadOnly(err):
		return fault.Wrap(fault.Unavailable, err, "%s: the file system is read-only", what)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, err, "%s: %v", what, err)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: %v", what, err)
}

// newDecoder returns a reader of compressed parts of a snapshot, in little memory.
func newDecoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(64<<20))
}

// List returns the manifests of the snapshots of a backup, oldest first.
func List(dir string) ([]Manifest, error) {
	f, err := OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Snapshots()
}
