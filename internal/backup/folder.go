package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/fault"
)

// Names in the folder of a backup.
const (
	markFile     = "index-backup"
	markText     = "index backup 1\n"
	lockName     = "lock"
	tempFolder   = "tmp"
	contentName  = "content"
	snapshots    = "snapshots"
	manifestName = "manifest.json"
	rowsName     = "rows.jsonl.zst"
	listName     = "content.zst"
	sealedName   = "secrets.age"
)

// maxManifest is the largest manifest that is read, in bytes.
const maxManifest = 16 << 20

// folder is an open folder of a backup.
type folder struct {
	dir  string
	lock *os.File // nil if it is only read
}

// openFolder opens an existing backup for reading. It returns fault.NotFound if dir is not one.
func openFolder(dir string) (*folder, error) {
	b, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.HasPrefix(string(b), "index backup ") {
		return nil, fault.New(fault.NotFound, "%s is not the folder of a backup: it has no file %s", dir, markFile)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the backup cannot be read: %v", err)
	}
	if string(b) != markText {
		return nil, fault.New(fault.Conflict, "%s was written by a newer version: use that version", dir)
	}
	return &folder{dir: dir}, nil
}

// change locks the backup against other runs that change it. It returns fault.Conflict if one is running. The system
// releases the lock when the process ends.
func (f *folder) change() (err error) {
	f.lock, err = lockFile(filepath.Join(f.dir, lockName))
	if errors.Is(err, errLocked) {
		return fault.New(fault.Conflict, "another process is changing the backup in %s: wait until it is done", f.dir)
	}
	if err != nil {
		return explain("the backup cannot be locked", err)
	}
	return nil
}

func (f *folder) close() {
	if f.lock != nil {
		f.lock.Close()
	}
}

func (f *folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// createFolder creates the folder of a backup, or opens an existing one. It returns fault.Conflict if the folder
// contains something else, or lies inside one of the given folders.
func createFolder(dir string, within []string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explain("the folder of the backup cannot be created", err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, explain("the folder of the backup cannot be found", err)
	}
	for _, w := range within {
		if at, err := filepath.EvalSymlinks(w); err == nil && inside(real, at) {
			return nil, fault.New(fault.Conflict, "%s is in %s, which the index itself uses: choose a folder elsewhere, "+
				"on another disk if possible", dir, w)
		}
	}
	f, err := openFolder(real)
	if !fault.Is(err, fault.NotFound) {
		return f, err
	}
	all, err := os.ReadDir(real)
	if err != nil {
		return nil, explain("the folder of the backup cannot be read", err)
	}
	if len(all) > 0 {
		return nil, fault.New(fault.Conflict, "%s contains other files: choose an empty folder, or that of an earlier backup", dir)
	}
	if err := writeDurably(filepath.Join(real, markFile), []byte(markText)); err != nil {
		return nil, explain("the folder of the backup cannot be written", err)
	}
	return &folder{dir: real}, nil
}

func inside(path, folder string) bool {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// writeDurably writes a file that is complete whenever it exists.
func writeDurably(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
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

// ids returns the ids of the snapshots, oldest first, and those of interrupted runs.
func (f *folder) ids() (whole, dead []string, err error) {
	all, err := os.ReadDir(f.path(snapshots))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, explain("the snapshots cannot be listed", err)
	}
	for _, e := range all {
		_, err := os.Stat(f.path(snapshots, e.Name(), manifestName))
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

// manifest reads the manifest of a snapshot. It returns fault.Conflict if a newer version wrote it.
func (f *folder) manifest(id string) (m Manifest, err error) {
	from, err := os.Open(f.path(snapshots, id, manifestName))
	if err != nil {
		return m, explain("the manifest cannot be read", err)
	}
	defer from.Close()
	return ReadManifest(from, id)
}

// ReadManifest reads the manifest of the snapshot with an id. It returns fault.Invalid if it is not one, and
// fault.Conflict if a newer version wrote it.
func ReadManifest(r io.Reader, id string) (m Manifest, err error) {
	b, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return m, explain("the manifest cannot be read", err)
	}
	if len(b) > maxManifest || json.Unmarshal(b, &m) != nil || m.Format < 1 || m.ID != id {
		return m, fault.New(fault.Invalid, "the manifest of %s cannot be read", id)
	}
	if m.Format > Format {
		return m, fault.New(fault.Conflict, "the backup has format %d, but this version reads %d at most: use the newer version",
			m.Format, Format)
	}
	return m, nil
}

// List returns the manifests of the snapshots of a backup, oldest first. It returns fault.NotFound if dir is no backup.
func List(dir string) (out []Manifest, err error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	ids, _, err := f.ids()
	for _, id := range ids {
		m, e := f.manifest(id)
		if e != nil {
			return nil, e
		}
		out = append(out, m)
	}
	return out, err
}

// NewDecoder returns a reader of compressed parts of a snapshot, in little memory. Close it with its method Close.
func NewDecoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(64<<20))
}

// eachContent calls f for the list of content of a snapshot.
func (f *folder) eachContent(id string, each func(Content) error) error {
	from, err := os.Open(f.path(snapshots, id, listName))
	if err != nil {
		return explain("the list of content cannot be read", err)
	}
	defer from.Close()
	z, err := NewDecoder(from)
	if err != nil {
		return err
	}
	defer z.Close()
	return EachContent(z, each)
}

// explain returns an error of the file system as a fault with advice.
func explain(what string, err error) error {
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded):
		return err
	case isFull(err):
		return fault.Wrap(fault.Unavailable, err, "%s: the disk is full; free some space, for example with index backup prune, "+
			"and run the backup again, which continues with the content that is already there", what)
	case isReadOnly(err):
		return fault.Wrap(fault.Unavailable, err, "%s: the file system is read-only", what)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, err, "%s: %v", what, err)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: %v", what, err)
}
