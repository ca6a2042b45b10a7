// Package dumbpypi reads the list of packages from which dumb-pypi makes its pages.
//
// The list has one file a line: its name, or a JSON object. The pages have less, so they are not read.
package dumbpypi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// Bounds of a list.
const (
	maxLine  = 4 << 20   // bytes
	maxFiles = 1_000_000 // lines
)

// Files are the packages of a list, by the names of their files.
type Files interface {
	// Size returns the size of a file, or -1 if it is not known before the file is opened. It returns fault.NotFound if
	// there is none.
	Size(name string) (int64, error)
	// Open opens a file. It returns fault.NotFound if there is none.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	Close() error
}

// Folder returns the files of a folder.
func Folder(dir string) (Files, error) {
	f, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	return &folder{f}, nil
}

type folder struct{ *disk.Folder }

func (f *folder) Size(name string) (int64, error) {
	info, err := f.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *folder) Open(_ context.Context, name string) (io.ReadCloser, error) { return f.OpenFile(name) }

// entry is a line of the list.
type entry struct {
	line int
	file transfer.File
}

// Source is a list with its files.
type Source struct {
	path     string
	files    Files
	projects map[packaging.ProjectName][]*entry
	nameless stated.Sample
	noTime   int

	mu      sync.Mutex
	missing map[string]bool
}

var _ transfer.Source = (*Source)(nil)

// Open reads a list. Close closes files too.
func Open(ctx context.Context, list string, files Files) (*Source, error) {
	abs, err := filepath.Abs(list)
	if err != nil {
		return nil, err
	}
	dir, err := disk.Open(filepath.Dir(abs))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	in, err := dir.OpenFile(filepath.Base(abs))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	s := &Source{path: abs, files: files, projects: map[packaging.ProjectName][]*entry{}, missing: map[string]bool{}}
	return s, s.read(ctx, in)
}

// read reads the lines of the list.
func (s *Source) read(ctx context.Context, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	seen := map[string]*entry{}
	n := 0
	for lines.Scan() {
		if n++; n > maxFiles {
			return fault.New(fault.Invalid, "%s has more than %d lines", s.path, maxFiles)
		}
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		f, err := parse(s.path, n, text)
		if err != nil {
			return err
		}
		s.add(seen, &entry{line: n, file: f})
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fault.New(fault.Invalid, "%s, line %d: the line is longer than %d MiB", s.path, n+1, maxLine>>20)
	} else if err != nil {
		return err
	}
	if len(s.projects) == 0 && s.nameless.Count == 0 {
		return fault.New(fault.Invalid, "%s lists no file", s.path)
	}
	return nil
}

// add keeps an entry under its project.
func (s *Source) add(seen map[string]*entry, e *entry) {
	name, err := packaging.ProjectOf(e.file.Filename)
	if err != nil {
		e.file.Problem = fault.Message(err)
		// an egg, for example, is refused under the name that it begins with
		first, _, _ := strings.Cut(e.file.Filename, "-")
		if name, err = packaging.ParseProjectName(first); err != nil {
			s.nameless.Add(e.file.Filename)
			return
		}
	}
	if old := seen[e.file.Filename]; old != nil {
		if a, b := old.file.Hashes["sha256"], e.file.Hashes["sha256"]; a != b && a != "" && b != "" {
			old.file.Problem = fmt.Sprintf("the list has it twice, with different digests, in the lines %d and %d", old.line,
				e.line)
		}
		return
	}
	seen[e.file.Filename] = e
	s.projects[name] = append(s.projects[name], e)
	if e.file.UploadedAt.IsZero() {
		s.noTime++
	}
}

// parse reads a line: a file name, or a JSON object.
func parse(path string, line int, text string) (transfer.File, error) {
	f := transfer.File{Size: -1}
	if !strings.HasPrefix(text, "{") {
		return named(f, path, line, text)
	}
	d, name, hashes := scan.Bytes(path, []byte(text)), "", stated.Digests{}
	d.Above = line - 1
	err := d.Read(func(r *scan.Reader) error {
		_, err := r.Object(func(key string) (err error) {
			switch key {
			case "filename":
				name, err = r.Text()
			case "hash":
				var spec string
				spec, err = r.Text()
				hashes.AddSpec(spec)
			case "requires_python":
				f.RequiresPython, err = r.Text()
				f.RequiresPython = stated.Text(f.RequiresPython)
			case "uploaded_by":
				f.Uploader, err = r.Text()
				f.Uploader = stated.Text(f.Uploader)
			case "upload_timestamp":
				var seconds string
				seconds, err = r.Scalar()
				if n, invalid := strconv.ParseFloat(seconds, 64); invalid == nil {
					f.UploadedAt = stated.Seconds(n)
				}
			case "yanked_reason":
				return readYank(r, &f)
			case "core_metadata":
				var spec string
				spec, err = r.Scalar()
				metadata := stated.Digests{}
				metadata.AddSpec(spec)
				f.MetadataSHA256 = metadata["sha256"]
			default:
				err = r.Skip()
			}
			return err
		})
		return err
	})
	if err != nil {
		return f, err
	}
	if len(hashes) > 0 {
		f.Hashes = hashes
	}
	if !f.UploadedAt.IsZero() {
		f.TimeTrust = transfer.Stated
	}
	return named(f, path, line, name)
}

// readYank reads the reason of a yank. null is no yank, and an empty text is one without a reason.
func readYank(r *scan.Reader, f *transfer.File) error {
	null, err := r.Null()
	if null || err != nil {
		return err
	}
	reason, err := r.Text()
	f.Yanked, f.YankedReason = true, stated.Text(reason)
	return err
}

// named sets the name of a file.
func named(f transfer.File, path string, line int, name string) (transfer.File, error) {
	if disk.Local(name) != nil || strings.Contains(name, "/") || stated.Text(name) != name {
		return f, fmt.Errorf("%s, line %d: %w", path, line,
			fault.New(fault.Invalid, "%.100q is not the name of a file", name))
	}
	f.Filename, f.Place = name, name
	return f, nil
}

// About returns the path of the list.
func (s *Source) About() transfer.About { return transfer.About{Kind: "dumb-pypi", Location: s.path} }

// Projects yields the projects of the list in the order of their names.
func (s *Source) Projects(
	ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	names := func(yield func(packaging.ProjectName) bool) {
		for name := range s.projects {
			if (match == nil || match(name)) && !yield(name) {
				return
			}
		}
	}
	return transfer.InOrder(ctx, names,
		func(name packaging.ProjectName) (transfer.Project, error) { return s.project(name), nil })
}

// project returns a project with the sizes of its files.
func (s *Source) project(name packaging.ProjectName) transfer.Project {
	p := transfer.Project{Name: name}
	for _, e := range s.projects[name] {
		f := e.file
		if parsed, err := packaging.ParseFilename(f.Filename, name); err == nil {
			f.Version = parsed.VersionPart()
			if p.Display == "" && parsed.Kind() == packaging.SDist {
				p.Display = parsed.NamePart()
			}
		}
		size, err := s.files.Size(f.Filename)
		if err != nil && f.Problem == "" {
			f.Problem = "the list has it, but " + fault.Message(err)
			s.mu.Lock()
			s.missing[f.Filename] = true
			s.mu.Unlock()
		} else if err == nil {
			f.Size = size
		}
		p.Files = append(p.Files, f)
	}
	return p
}

// Open opens a file.
func (s *Source) Open(ctx context.Context, f transfer.File) (io.ReadCloser, error) {
	if disk.Local(f.Place) != nil || strings.Contains(f.Place, "/") {
		return nil, fault.New(fault.Invalid, "%.100q is not the name of a file", f.Place)
	}
	return s.files.Open(ctx, f.Place)
}

// Provenance returns nil: a list has no provenance.
func (s *Source) Provenance(context.Context, transfer.File) ([]byte, error) { return nil, nil }

// Notes returns what the list does not have.
func (s *Source) Notes() []transfer.Note {
	var notes []transfer.Note
	add := func(kind, format string, args ...any) {
		notes = append(notes, transfer.Note{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	add("user", "a list has no users and rights: give roles by index grant add")
	if s.noTime > 0 {
		add("times", "%s without upload_timestamp: projects that use exclude-newer do not see such files until later",
			stated.Plural(s.noTime, "file"))
	}
	if s.nameless.Count > 0 {
		add("skipped", "files whose names belong to no project are not imported (%d): %s", s.nameless.Count, &s.nameless)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.missing); n > 0 {
		add("missing", "%s of the list cannot be read: does --packages name the right place?", stated.Plural(n, "file"))
	}
	return notes
}

// Close closes the files.
func (s *Source) Close() error { return s.files.Close() }
