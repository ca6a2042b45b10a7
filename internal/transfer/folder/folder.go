// Package folder reads a folder of wheels and source distributions as a source of an import: one that pypiserver
// serves, that dir2pi wrote, or a copy of a bucket.
//
// Subfolders count. A file that is met twice, as in the simple/ folder of dir2pi, is read once. Symbolic links are
// followed to files inside the folder only. The time of a file is guessed to be that of its last change. Nothing
// outside the folder is read, and nothing is written.
package folder

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/regular"
	"pyindex/internal/transfer"
)

// Limits on a folder.
const (
	maxEntries = 5_000_000
	maxDepth   = 32
	maxUsers   = 10_000
)

// earliest is the earliest time of a file that is taken for a time: archives and builds set earlier ones.
var earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// Source is a folder. It implements transfer.Source.
type Source struct {
	root  *os.Root
	path  string
	users string // path of a password file, or ""

	passed map[string]int // files of other kinds by ending
	notes  []transfer.Note
}

// Open opens a folder. users is the path of the password file (htpasswd) of pypiserver, or "": its names become notes.
// It returns fault.Invalid if the path is not a folder that can be read.
func Open(dir, users string) (*Source, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(full)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the folder %s cannot be read: %v", dir, err)
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the folder %s cannot be read: %v", dir, err)
	}
	return &Source{root: root, path: full, users: users}, nil
}

// About implements transfer.Source.
func (s *Source) About() transfer.About { return transfer.About{Kind: "folder", Location: s.path} }

// Close implements transfer.Source.
func (s *Source) Close() error { return s.root.Close() }

// found is a file of the folder.
type found struct {
	place string
	name  string // without the escapes of URLs
	info  fs.FileInfo
	err   string // why it cannot be offered
}

// Projects implements transfer.Source.
func (s *Source) Projects(ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	return func(yield func(transfer.Project, error) bool) {
		s.passed, s.notes = map[string]int{}, nil
		all, err := s.walk(ctx)
		if err != nil {
			yield(transfer.Project{}, err)
			return
		}
		by := map[packaging.ProjectName][]found{}
		for _, f := range all {
			name, ok := projectOf(f)
			if !ok {
				s.note("skipped", "%s names no project, and was passed over", f.place)
			} else if match(name) {
				by[name] = append(by[name], f)
			}
		}
		s.finish()
		names := slices.SortedFunc(maps.Keys(by), func(a, b packaging.ProjectName) int {
			return strings.Compare(a.String(), b.String())
		})
		for _, name := range names {
			files, err := s.files(ctx, by[name])
			if err != nil {
				yield(transfer.Project{}, err)
				return
			}
			if !yield(transfer.Project{Name: name, Files: files}, nil) {
				return
			}
		}
	}
}

// walk returns the distributions below the folder.
func (s *Source) walk(ctx context.Context) (all []found, err error) {
	entries := 0
	err = fs.WalkDir(s.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if entries++; entries > maxEntries {
			return fault.New(fault.TooLarge, "the folder has more than %d entries", maxEntries)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.note("skipped", "%s cannot be read: %v", p, err)
			return nil
		case p == ".":
			return nil
		case strings.HasPrefix(e.Name(), "."), e.IsDir() && strings.Count(p, "/") >= maxDepth:
			if isUsers(e.Name()) {
				s.noteUsers(p)
			}
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		if f, ok := s.entry(p, e); ok {
			all = append(all, f)
		}
		return nil
	})
	return all, err
}

// entry looks at one entry that is no folder.
func (s *Source) entry(p string, e fs.DirEntry) (f found, ok bool) {
	f = found{place: p, name: e.Name()}
	if plain, err := url.PathUnescape(f.name); err == nil && plain != f.name {
		f.name = plain // an object store's tool wrote "+" as "%2B"
	}
	if !isDistribution(f.name) {
		if isUsers(e.Name()) {
			s.noteUsers(p)
		} else if e.Type().IsRegular() {
			s.passed[strings.ToLower(path.Ext(f.name))]++
		}
		return f, false
	}
	info, err := s.root.Stat(filepath.FromSlash(p)) // follows links inside the folder
	switch {
	case err != nil && e.Type()&fs.ModeSymlink != 0:
		f.err = "it is a symbolic link that leads outside the folder, or nowhere"
	case err != nil:
		f.err = "it cannot be read"
	case !info.Mode().IsRegular():
		f.err = "it is not a file"
	}
	f.info = info
	return f, true
}

// endings are those of distributions, and of what people keep beside them and expect to be imported. The index refuses
// the latter with a reason.
var endings = []string{
	".whl", ".tar.gz", ".tgz", ".tar.bz2", ".zip", ".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg", ".tar.xz", ".tar.z",
	".tar", ".tbz",
}

func isDistribution(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(lower, e) })
}

func isUsers(name string) bool { return strings.HasSuffix(strings.ToLower(name), "htpasswd") }

// projectOf returns the project of a file. The folder that it is in decides if its name may be read in several ways, as
// "foo-2-1.0.tar.gz".
func projectOf(f found) (packaging.ProjectName, bool) {
	for dir := path.Dir(f.place); dir != "."; dir = path.Dir(dir) {
		name, err := packaging.ParseProjectName(path.Base(dir))
		if err != nil {
			continue
		}
		if _, err := packaging.ParseFilename(f.name, name); err == nil {
			return name, true
		}
	}
	if name, err := packaging.ProjectOf(f.name); err == nil {
		return name, true
	}
	stem, _, _ := strings.Cut(f.name, "-")
	name, err := packaging.ParseProjectName(stem)
	return name, err == nil
}

// files returns the files of a project, each name once.
func (s *Source) files(ctx context.Context, all []found) (out []transfer.File, err error) {
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(strings.Count(a.place, "/"), strings.Count(b.place, "/")),
			strings.Compare(a.place, b.place))
	})
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].name == all[i].name {
			n++
		}
		some, err := s.unlike(ctx, all[i:n])
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		i = n
	}
	return out, nil
}

// unlike returns the files of one name: one if all have the same content. Otherwise all but the first have a problem.
func (s *Source) unlike(ctx context.Context, all []found) (out []transfer.File, err error) {
	i := max(0, slices.IndexFunc(all, func(f found) bool { return f.err == "" }))
	out = append(out, file(all[i]))
	for k, f := range all {
		if k == i {
			continue
		}
		other := file(f)
		if f.err == "" && all[i].err == "" {
			same, err := s.same(ctx, all[i], f)
			if err != nil {
				return nil, err
			}
			if same {
				continue
			}
			other.Problem = fmt.Sprintf("it has other content than %s, which has the same name", all[i].place)
		}
		out = append(out, other)
	}
	return out, nil
}

func file(f found) transfer.File {
	out := transfer.File{Place: f.place, Filename: f.name, Size: -1, Problem: f.err}
	if f.err == "" {
		out.Size = f.info.Size()
		if at := f.info.ModTime().UTC(); !at.Before(earliest) {
			out.UploadedAt, out.TimeTrust = at, transfer.Guessed
		}
	}
	return out
}

// same reports whether two files have the same content.
func (s *Source) same(ctx context.Context, a, b found) (bool, error) {
	if os.SameFile(a.info, b.info) {
		return true, nil
	}
	if a.info.Size() != b.info.Size() || ctx.Err() != nil {
		return false, ctx.Err()
	}
	x, err := s.digest(a.place)
	if err != nil {
		return false, err
	}
	y, err := s.digest(b.place)
	return x == y, err
}

func (s *Source) digest(place string) (string, error) {
	f, err := regular.OpenIn(s.root, filepath.FromSlash(place))
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// Open implements transfer.Source.
func (s *Source) Open(_ context.Context, f transfer.File) (io.ReadCloser, error) {
	r, err := regular.OpenIn(s.root, filepath.FromSlash(f.Place))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "%s is no longer in the folder", f.Place)
	}
	return r, err
}

// Provenance implements transfer.Source. Folders have none.
func (s *Source) Provenance(context.Context, transfer.File) ([]byte, error) { return nil, nil }

// maxNotes limits the notes about single files.
const maxNotes = 100

func (s *Source) note(kind, format string, args ...any) {
	if len(s.notes) < maxNotes {
		s.notes = append(s.notes, transfer.Note{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
}

// finish adds the notes about files that were passed over, and about users.
func (s *Source) finish() {
	for _, ending := range slices.Sorted(maps.Keys(s.passed)) {
		n, what := s.passed[ending], "files that end in "+ending
		if n == 1 {
			what = "file that ends in " + ending
		}
		if ending == "" {
			what = "other files"
		}
		s.note("skipped", "%d %s passed over: not distributions", n, what)
	}
	if s.users == "" {
		return
	}
	f, err := regular.Open(s.users)
	if err != nil {
		s.note("user", "the password file %s cannot be read", s.users)
		return
	}
	defer f.Close()
	s.eachUser(f, s.users)
}

// noteUsers notes the users of a password file in the folder.
func (s *Source) noteUsers(place string) {
	f, err := regular.OpenIn(s.root, filepath.FromSlash(place))
	if err != nil {
		return
	}
	defer f.Close()
	s.eachUser(f, place)
}

// eachUser notes the user names of a password file. It takes over no password.
func (s *Source) eachUser(r io.Reader, place string) {
	lines := bufio.NewScanner(io.LimitReader(r, 4<<20))
	for n := 0; lines.Scan() && n < maxUsers; n++ {
		name, _, ok := strings.Cut(lines.Text(), ":")
		if !ok || name == "" || strings.HasPrefix(name, "#") || strings.ContainsFunc(name, func(c rune) bool {
			return c <= ' ' || c > '~' || strings.ContainsRune(`'"$\`+"`", c)
		}) {
			continue
		}
		s.notes = append(s.notes, transfer.Note{
			Kind: "user", Text: fmt.Sprintf("user %s of %s: passwords are not imported", name, place),
			Command: "index user add " + name,
		})
	}
}

// Notes implements transfer.Source.
func (s *Source) Notes() []transfer.Note { return slices.Clone(s.notes) }

var _ transfer.Source = (*Source)(nil)
