// Package lockfile reads the files in which Python tools pin packages: uv.lock, poetry.lock, pdm.lock, Pipfile.lock,
// pylock.toml (PEP 751), and requirements and constraints files.
//
// All formats become one model: packages with their files and hashes, the indexes that the files name, and the lines
// that contain a password. The model has no credentials: they are removed from every URL. Project files beside a lock
// (pyproject.toml, uv.toml, Pipfile) are read too if they decide from which index a tool installs. Every reader is
// bounded in the size of files, their number and the number of packages. The package asks no network.
package lockfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Bounds of one Read: bytes of a file, files that are read, packages, and files of a package.
const (
	maxFile     = 64 << 20
	maxRead     = 200
	maxPackages = 100_000
	maxFiles    = 20_000
)

// Kind is a format.
type Kind string

// The formats.
const (
	UV           Kind = "uv.lock"
	Poetry       Kind = "poetry.lock"
	PDM          Kind = "pdm.lock"
	Pipenv       Kind = "Pipfile.lock"
	Pylock       Kind = "pylock.toml"
	Requirements Kind = "requirements"
)

// Place is a line of a file. Line is 0 for a whole file.
type Place struct {
	Path string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// String returns the place as compilers write it, FILE:LINE.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d", p.Path, p.Line)
}

// Lock is the content of a file and of the files that belong to it.
type Lock struct {
	Path      string
	Kind      Kind
	Packages  []Package
	Indexes   []Index
	Passwords []Place  // lines with a password in a URL
	Read      []string // the paths of all files that were read, Path first
}

// Origin is the way in which a tool finds the files of a package.
type Origin string

// The origins.
const (
	Configured Origin = "configured" // from the index of the installer's configuration
	Named      Origin = "named"      // from Package.Index
	Public     Origin = "public"     // from the public index that the tool knows by itself
	Direct     Origin = "direct"     // from Package.URL: an archive or a version control system
	Local      Origin = "local"      // from this machine: a workspace member, a folder, an archive
)

// Package is a package that a file names.
type Package struct {
	Name       packaging.ProjectName
	Version    string // "" if the file does not pin one
	Specifiers string // if Version is "": the versions that are allowed, "" for any
	Origin     Origin
	Index      string // the simple root, for Named; a path for a local folder of files
	IndexName  string // the name that the lock gives the index, or ""
	URL        string // for Direct
	Files      []File
	Hashes     []string // sha256, in hexadecimal, of any of its files, if the format does not say of which
	OtherHash  bool     // there are hashes, but none is a sha256
	Constraint bool     // from a constraints file
	At         Place
}

// Hashed reports whether the file has a hash for the package.
func (p Package) Hashed() bool {
	if len(p.Hashes) > 0 || p.OtherHash {
		return true
	}
	for _, f := range p.Files {
		if f.SHA256 != "" || f.OtherHash {
			return true
		}
	}
	return false
}

// File is a file of a package.
type File struct {
	Name      string
	URL       string // "" if the format has no URLs
	SHA256    string // in hexadecimal, or ""
	OtherHash bool   // there is a hash, but no sha256
	At        Place
}

// Use is what a tool does with an index.
type Use string

// The uses.
const (
	Default  Use = "default"  // instead of the public index
	Extra    Use = "extra"    // beside the default one
	Explicit Use = "explicit" // only for packages that name it
	Links    Use = "links"    // a flat page or a folder of files
	Implied  Use = "implied"  // the public index that the tool adds by itself; it has no URL
	Include  Use = "include"  // a requirements file at a URL
)

// Index is a place that a file tells its tool to read packages from.
type Index struct {
	Name string
	URL  string
	Use  Use
	At   Place
}

// Opener returns the content of a file.
type Opener func(path string) ([]byte, error)

// Disk reads a file of this machine. It returns fault.Invalid for a file that is too large, and for a folder.
func Disk(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fault.New(fault.Invalid, "%s is a folder: name the file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		return nil, tooLarge(path)
	}
	return b, err
}

func tooLarge(path string) error {
	return fault.New(fault.Invalid, "%s is larger than %d MiB", path, maxFile>>20)
}

// Read reads a lock or requirements file and the files that belong to it. It returns fault.Invalid if one of them
// cannot be understood, naming the file and, if known, the line. No message contains a part of a URL.
func Read(open Opener, path string) (Lock, error) {
	r := &reader{open: open, lock: Lock{Path: path}, seen: map[string]bool{}}
	text, err := r.read(path)
	if err != nil {
		return Lock{}, err
	}
	kind, err := kindOf(path, text)
	if err != nil {
		return Lock{}, err
	}
	r.lock.Kind = kind
	parse := map[Kind]func(string, []byte) error{
		UV: r.uv, Poetry: r.poetry, PDM: r.pdm, Pipenv: r.pipenv, Pylock: r.pylock,
		Requirements: func(path string, text []byte) error { return r.requirements(path, text, false) },
	}[kind]
	if err := parse(path, text); err != nil {
		return Lock{}, err
	}
	r.settle()
	return r.lock, nil
}

// reader reads one lock.
type reader struct {
	open  Opener
	lock  Lock
	seen  map[string]bool // the cleaned paths that were read
	files int
}

// read opens a file, notes its lines with passwords and returns its text.
func (r *reader) read(path string) ([]byte, error) {
	if len(r.lock.Read) >= maxRead {
		return nil, fault.New(fault.Invalid, "%s: more than %d files are included", path, maxRead)
	}
	text, err := r.open(path)
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, tooLarge(path)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, fault.New(fault.Invalid, "%s is not a text file in UTF-8", path)
	}
	r.seen[filepath.Clean(path)] = true
	r.lock.Read = append(r.lock.Read, path)
	r.lock.Passwords = append(r.lock.Passwords, passwords(path, text)...)
	return text, nil
}

// beside reads a file in the folder of the lock. It returns nil if there is none.
func (r *reader) beside(name string) (path string, text []byte, err error) {
	path = filepath.Join(filepath.Dir(r.lock.Path), name)
	text, err = r.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	return path, text, err
}

// add adds a package within the bounds.
func (r *reader) add(p Package) error {
	r.files += len(p.Files)
	if len(r.lock.Packages) >= maxPackages || len(p.Files) > maxFiles || r.files > 10*maxPackages {
		return fault.New(fault.Invalid, "%s names too many packages or files", p.At.Path)
	}
	r.lock.Packages = append(r.lock.Packages, p)
	return nil
}

// index adds an index. Credentials in its URL are dropped.
func (r *reader) index(name, url string, use Use, at Place) {
	r.lock.Indexes = append(r.lock.Indexes, Index{Name: name, URL: Clean(url), Use: use, At: at})
}

// settle gives the packages of a requirements file the index that the file names: it applies to all of them, wherever
// the line is, and the last one wins.
func (r *reader) settle() {
	if r.lock.Kind != Requirements {
		return
	}
	index := ""
	for _, i := range r.lock.Indexes {
		if i.Use == Default {
			index = i.URL
		}
	}
	for i := range r.lock.Packages {
		if p := &r.lock.Packages[i]; p.Origin == Configured && index != "" {
			p.Origin, p.Index = Named, index
		}
	}
}

// name parses a project name at a place.
func name(s string, at Place) (packaging.ProjectName, error) {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		return n, fault.New(fault.Invalid, "%s: the name of a package is invalid", at)
	}
	return n, nil
}

// kindOf returns the format of a file: by its name, or else by its content.
func kindOf(path string, text []byte) (Kind, error) {
	base := filepath.Base(path)
	for _, k := range []Kind{UV, Poetry, PDM, Pipenv} {
		if strings.EqualFold(base, string(k)) {
			return k, nil
		}
	}
	if base == string(Pylock) || strings.HasPrefix(base, "pylock.") && strings.HasSuffix(base, ".toml") {
		return Pylock, nil
	}
	switch strings.ToLower(filepath.Ext(base)) {
	case ".toml", ".lock", ".json":
		if k := sniff(text); k != "" {
			return k, nil
		}
		return "", fault.New(fault.Invalid, "%s is not a lock file of a known format: "+
			"uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml or a requirements file", path)
	}
	return cmp.Or(sniff(text), Requirements), nil
}

// sniff returns the format of a lock file with an unusual name, or "".
func sniff(text []byte) Kind {
	head := text[:min(len(text), 4096)]
	has := func(s string) bool { return bytes.Contains(head, []byte(s)) }
	switch {
	case bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) && has(`"_meta"`):
		return Pipenv
	case has("lock-version = ") && bytes.Contains(text, []byte("[[packages]]")):
		return Pylock
	case bytes.HasPrefix(head, []byte("version = ")) && has("\nrequires-python = "): // perhaps without a package
		return UV
	case !bytes.Contains(text, []byte("[[package]]")):
		return ""
	case has("generated by PDM"):
		return PDM
	case has("generated by Poetry"):
		return Poetry
	}
	return ""
}
