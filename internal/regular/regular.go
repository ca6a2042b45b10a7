// Package regular opens files in folders that others may write to. It opens nothing but regular files, and does not
// wait for a named pipe.
package regular

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// errNot is the error for everything that is no regular file.
var errNot = errors.New("it is not a regular file")

// Open opens a regular file for reading. It follows symbolic links.
func Open(path string) (*os.File, error) {
	return check(os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

// OpenIn opens a regular file in a folder for reading. Symbolic links that lead out of the folder are errors.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return check(root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

func check(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: errNot}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Create creates a file that did not exist, readable by its owner. It replaces a file or symbolic link of that name,
// and never writes through a link.
func Create(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
