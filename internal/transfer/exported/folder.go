package exported

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// tempPrefix begins the names of files that are being written. A later export removes those that were left over.
const tempPrefix = ".index-export-"

// atomicFile is a file that appears under its name when it is complete.
type atomicFile struct {
	*os.File
	path string
}

func createFile(path string) (*atomicFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			f, err = os.CreateTemp(filepath.Dir(path), tempPrefix+"*")
		}
	}
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil { // a web server of another user may serve the folder
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return &atomicFile{f, path}, nil
}

// discard removes an incomplete file. It does nothing after commit.
func (f *atomicFile) discard() {
	if f.File != nil {
		f.Close()
		os.Remove(f.Name())
	}
}

// commit gives the file its name.
func (f *atomicFile) commit() error {
	name := f.Name()
	err := f.Close()
	f.File = nil
	if err == nil {
		err = os.Rename(name, f.path)
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}

// commitChanged is commit, but keeps an existing file with the same content, so that tools that copy changed files have
// less to do.
func (f *atomicFile) commitChanged() error {
	same, err := f.same()
	if err != nil {
		return err
	}
	if same {
		f.discard()
		f.File = nil
		return nil
	}
	return f.commit()
}

func (f *atomicFile) same() (bool, error) {
	old, err := regular.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer old.Close()
	was, err := old.Stat()
	if err != nil {
		return false, err
	}
	is, err := f.Stat()
	if err != nil || was.Size() != is.Size() {
		return false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	var a, b [32 << 10]byte
	for {
		n, err := io.ReadFull(old, a[:])
		m, err2 := io.ReadFull(f, b[:n])
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return true, nil
		}
		if err := errors.Join(err, err2); err != nil {
			return false, err
		}
	}
}

// writeFile writes a small file, if its content changed.
func writeFile(path string, content []byte) error {
	f, err := createFile(path)
	if err != nil {
		return err
	}
	defer f.discard()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.commitChanged()
}

// writeJSON writes a value as indented JSON, if it changed.
func writeJSON(path string, v any) error {
	b, err := encodeJSON(v, "")
	if err != nil {
		return err
	}
	return writeFile(path, append(b, '\n'))
}

func encodeJSON(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// maxSmall bounds the header and repository.json, which are read whole.
const maxSmall = 256 << 20

func readJSON(path string, into any) error {
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(b) > maxSmall {
		err = fault.New(fault.Invalid, "it is larger than %d bytes", maxSmall)
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// target prepares the folder of an export. It returns whether the last export into it finished, and the names of the
// repositories that it has. It returns fault.Conflict if the folder has something else in it.
func target(dir string, h Header) (finished bool, had []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, nil, err
	}
	var old Header
	err = readJSON(filepath.Join(dir, unfinishedName), &old)
	if errors.Is(err, fs.ErrNotExist) {
		finished = true
		err = readJSON(filepath.Join(dir, headerName), &old)
	}
	if errors.Is(err, fs.ErrNotExist) {
		some, err := os.ReadDir(dir)
		if err == nil && len(some) > 0 {
			err = fault.New(fault.Conflict, "%s is not empty and is no export: specify an empty or new folder", dir)
		}
		return false, nil, err
	} else if err != nil {
		return false, nil, err
	}
	switch {
	case old.Format > Format:
		return false, nil, fault.New(fault.Conflict, "%s was written by a newer version of this program (format %d)", dir,
			old.Format)
	case old.Instance != h.Instance:
		return false, nil, fault.New(fault.Conflict, "%s is an export of another index: specify another folder", dir)
	case !old.Selection.equal(h.Selection):
		return false, nil, fault.New(fault.Conflict, "%s is an export of %s: specify another folder for %s", dir,
			old.Selection, h.Selection)
	}
	for _, r := range old.Repositories {
		if isFolderName(r.Name) {
			had = append(had, r.Name)
		}
	}
	return finished, had, nil
}

// isFolderName reports whether the name of a repository, as a header states it, is one folder below the export.
func isFolderName(s string) bool {
	return s != "" && !strings.ContainsAny(s, `/\.`) && !strings.ContainsRune(s, 0)
}

// prune removes from a folder what keep does not name, and returns the number of removed entries. A missing folder is
// not an error.
func prune(dir string, keep func(name string) bool) (removed int64, err error) {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() { // a link would lead to files of others
		return 0, fault.New(fault.Conflict, "%s is not a folder: remove it and export again", dir)
	}
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer d.Close()
	var stale []string
	for {
		some, err := d.Readdirnames(1000)
		for _, name := range some {
			if !keep(name) {
				stale = append(stale, name)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
	}
	for _, name := range stale {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

func isTemp(name string) bool { return strings.HasPrefix(name, tempPrefix) }
