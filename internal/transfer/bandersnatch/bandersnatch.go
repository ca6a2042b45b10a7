// Package bandersnatch reads the folder of a mirror that bandersnatch made.
//
// The files of a mirror belong to the index that it mirrors. They are never own files of this index.
package bandersnatch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/stated"
)

// Bounds of a mirror.
const (
	maxProjects = 5_000_000
	maxPage     = 64 << 20 // bytes
	maxFiles    = 200_000  // of a project
)

// Options say what a mirror is one of.
type Options struct {
	Master string // URL of the index that is mirrored, "" to read it from Config
	Config string // path of the configuration of bandersnatch, "" if there is none
}

// Source is a mirror.
type Source struct {
	folder *disk.Folder
	web    string // the folder of the pages inside, with a final slash, or ""
	master string
	names  map[packaging.ProjectName]string // the spelling on disk of each project
	hashed bool                             // pages lie below the first letter of their project (hash-index)

	mu   sync.Mutex
	told told
}

// told is what Notes tells of the projects that were read last.
type told struct {
	missing, unread, pageless stated.Sample
	dropped                   int
}

var _ transfer.Source = (*Source)(nil)

// Open opens the folder of a mirror, or the folder "web" in it.
func Open(ctx context.Context, dir string, o Options) (*Source, error) {
	folder, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &Source{folder: folder, names: map[packaging.ProjectName]string{}}
	if err := s.open(ctx, o); err != nil {
		_ = folder.Close()
		return nil, err
	}
	return s, nil
}

func (s *Source) open(ctx context.Context, o Options) error {
	if s.folder.IsDir("web") {
		s.web = "web/"
	}
	if !s.folder.IsDir(s.web+"json") && !s.folder.IsDir(s.web+"simple") {
		return fault.New(fault.Invalid, "%s is not the folder of a mirror: it has neither web/json nor web/simple",
			s.folder.Path())
	}
	if err := s.list(ctx); err != nil {
		return err
	}
	var err error
	if s.master, err = masterOf(o); err != nil {
		return err
	}
	if s.master == "" {
		s.master = cmp.Or(s.guess(), "unknown")
	}
	return nil
}

// list finds the names of the projects.
func (s *Source) list(ctx context.Context) error {
	n := 0
	add := func(name string) error {
		if n++; n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		project, err := packaging.ParseProjectName(name)
		if err != nil {
			return nil
		}
		if s.names[project] == "" || name == project.String() {
			s.names[project] = name
		}
		if len(s.names) > maxProjects {
			return fault.New(fault.Invalid, "the mirror has more than %d projects", maxProjects)
		}
		return nil
	}
	if s.folder.IsDir(s.web + "json") {
		if err := s.folder.Names(s.web+"json", func(e fs.DirEntry) error { return add(e.Name()) }); err != nil {
			return err
		}
	}
	if !s.folder.IsDir(s.web + "simple") {
		return nil
	}
	return s.folder.Names(s.web+"simple", func(e fs.DirEntry) error {
		if !e.IsDir() {
			return nil
		}
		if len(e.Name()) > 1 || s.hasPage(s.web+"simple/"+e.Name()) {
			return add(e.Name())
		}
		s.hashed = true
		return s.folder.Names(s.web+"simple/"+e.Name(), func(e fs.DirEntry) error { return add(e.Name()) })
	})
}

// hasPage reports whether a folder has the page of a project.
func (s *Source) hasPage(dir string) bool {
	for _, name := range []string{"index.html", jsonPage} {
		if _, err := s.folder.Stat(dir + "/" + name); err == nil {
			return true
		}
	}
	return false
}

// About returns the folder and the index that is mirrored.
func (s *Source) About() transfer.About {
	return transfer.About{Kind: "bandersnatch", Location: s.folder.Path(), Upstream: s.master}
}

// sorted returns the names that match, in order.
func (s *Source) sorted(match func(packaging.ProjectName) bool) []packaging.ProjectName {
	names := make([]packaging.ProjectName, 0, len(s.names))
	for name := range s.names {
		if match == nil || match(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b packaging.ProjectName) int { return strings.Compare(a.String(), b.String()) })
	return names
}

// Projects yields the projects in the order of their names.
func (s *Source) Projects(
	ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	return func(yield func(transfer.Project, error) bool) {
		s.mu.Lock()
		s.told = told{}
		s.mu.Unlock()
		for _, name := range s.sorted(match) {
			if err := ctx.Err(); err != nil {
				yield(transfer.Project{}, err)
				return
			}
			p, ok := s.project(name)
			if ok && !yield(p, nil) {
				return
			}
		}
	}
}

// project reads the best page of a project. It returns false, and notes it, if there is none that can be read.
func (s *Source) project(name packaging.ProjectName) (transfer.Project, bool) {
	p, err := s.read(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fault.Is(err, fault.NotFound):
		s.told.pageless.Add(name.String())
		return p, false
	case err != nil:
		s.told.unread.Add(err.Error())
		return p, false
	}
	seen := map[string]bool{}
	p.Files = slices.DeleteFunc(p.Files, func(f transfer.File) bool {
		twice := seen[f.Place]
		seen[f.Place] = true
		return twice
	})
	for i := range p.Files {
		s.look(&p.Files[i])
	}
	return p, true
}

// look compares a file with the one on disk.
func (s *Source) look(f *transfer.File) {
	if f.Problem != "" {
		return
	}
	info, err := s.folder.Stat(s.web + f.Place)
	switch {
	case err != nil:
		f.Problem = "the page has it, but " + fault.Message(err)
		s.told.missing.Add(f.Filename)
		return
	case f.Size < 0:
		f.Size = info.Size()
	case f.Size != info.Size():
		f.Problem = fmt.Sprintf("it has %d bytes and should have %d: bandersnatch may be fetching it", info.Size(), f.Size)
		return
	}
	if f.UploadedAt.IsZero() {
		// bandersnatch gives a file the time of its upload, which a copy of the folder may lose
		if f.UploadedAt = stated.Time(info.ModTime()); !f.UploadedAt.IsZero() {
			f.TimeTrust = transfer.Guessed
		}
	}
}

// Open opens a file of the mirror.
func (s *Source) Open(_ context.Context, f transfer.File) (io.ReadCloser, error) {
	if !strings.HasPrefix(f.Place, "packages/") {
		return nil, fault.New(fault.Invalid, "%.200q is not a file of the mirror", f.Place)
	}
	return s.folder.OpenFile(s.web + f.Place)
}

// Provenance returns nil: bandersnatch keeps none.
func (s *Source) Provenance(context.Context, transfer.File) ([]byte, error) { return nil, nil }

// Notes returns what could not be read.
func (s *Source) Notes() []transfer.Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	var notes []transfer.Note
	add := func(kind, format string, args ...any) {
		notes = append(notes, transfer.Note{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	add("provenance", "bandersnatch keeps no provenance of files, and no core metadata: the metadata is read from the files")
	if s.told.missing.Count > 0 {
		add("missing", "files that the pages have and the folder lacks (%d): %s", s.told.missing.Count, &s.told.missing)
	}
	if s.told.unread.Count > 0 {
		add("skipped", "projects whose page cannot be read (%d): %s", s.told.unread.Count, &s.told.unread)
	}
	if s.told.pageless.Count > 0 {
		add("skipped", "projects without a page (%d): %s", s.told.pageless.Count, &s.told.pageless)
	}
	if s.told.dropped > 0 {
		add("skipped", "entries of pages that are no wheel or source distribution of their project: %d", s.told.dropped)
	}
	return notes
}

// Close closes the folder.
func (s *Source) Close() error { return s.folder.Close() }

// placeOf returns the path of a file in the folder of the pages: bandersnatch stores a file under the path of its URL.
func placeOf(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", fault.New(fault.Invalid, "its URL is not valid")
	}
	place := strings.TrimPrefix(u.Path, "/")
	if !strings.HasPrefix(place, "packages/") || disk.Local(place) != nil || stated.Text(place) != place {
		return "", fault.New(fault.Invalid, "its URL is not one below /packages/")
	}
	return place, nil
}
