// Package disk reads the folders of other programs for an import.
//
// A path never leaves its folder, neither by ".." nor by a symbolic link, and only regular files are opened.
package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/regular"
	"pyindex/internal/transfer/scan"
)

// Folder is a folder from which files are read. It is safe for concurrent use.
type Folder struct {
	root *os.Root
	path string
}

// Open opens a folder. It returns fault.NotFound if there is none.
func Open(name string) (*Folder, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "there is no folder %s", abs)
	} else if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read as a folder: %v", abs, reason(err))
	}
	return &Folder{root: root, path: abs}, nil
}

// Path returns the absolute path of the folder.
func (f *Folder) Path() string { return f.path }

// Close closes the folder. Files that are open stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Local returns an error unless a path is a plain relative one of at most 4096 bytes, with slashes.
func Local(name string) error {
	if name == "" || len(name) > 4096 || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(name) ||
		path.Clean(name) != name {
		return fault.New(fault.Invalid, "the path %.200q is not one inside the folder", name)
	}
	return nil
}

// Stat returns the size and the time of a file. It returns fault.NotFound if there is none, and fault.Invalid for what
// is no regular file.
func (f *Folder) Stat(name string) (fs.FileInfo, error) {
	if err := Local(name); err != nil {
		return nil, err
	}
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, f.wrong(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "%s is not a regular file", name)
	}
	return info, nil
}

// OpenFile opens a regular file for reading. Its errors are those of Stat.
func (f *Folder) OpenFile(name string) (io.ReadCloser, error) {
	if _, err := f.Stat(name); err != nil {
		return nil, err
	}
	file, err := regular.OpenIn(f.root, name)
	if err != nil {
		return nil, f.wrong(name, err)
	}
	return file, nil
}

// IsDir reports whether there is a folder of a name inside.
func (f *Folder) IsDir(name string) bool {
	if Local(name) != nil {
		return false
	}
	info, err := f.root.Stat(name)
	return err == nil && info.IsDir()
}

// Read returns the content of a file of at most limit bytes.
func (f *Folder) Read(name string, limit int64) ([]byte, error) {
	in, err := f.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fault.New(fault.TooLarge, "%s is larger than %d bytes", name, limit)
	}
	return b, err
}

// Document returns a file as a JSON document.
func (f *Folder) Document(name string) scan.Document {
	return scan.Document{Name: path.Join(filepath.ToSlash(f.path), name), Open: func() (io.ReadCloser, error) {
		return f.OpenFile(name)
	}}
}

// Names calls each with the name of every entry of a folder inside, in no order, and stops at its first error.
func (f *Folder) Names(name string, each func(fs.DirEntry) error) error {
	if err := Local(name); err != nil {
		return err
	}
	dir, err := f.root.Open(name)
	if err != nil {
		return f.wrong(name, err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1000)
		for _, e := range entries {
			if err := each(e); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return f.wrong(name, err)
		}
	}
}

// wrong describes why a file cannot be opened.
func (f *Folder) wrong(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.NotFound, err, "%s is not in the folder", name)
	}
	return fault.Wrap(fault.Invalid, err, "%s cannot be read: %v", name, reason(err))
}

// reason returns an error of the file system without the path.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
