// Package devpi reads an export of devpi-server: the folder that devpi-export writes.
package devpi

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/stated"
)

// Options say what is read of an export.
type Options struct {
	Index      string // "USER/INDEX", or "" for the only one with files
	Repository string // that the files are for, in suggested commands
}

// Source is one index of an export.
type Source struct {
	folder  *disk.Folder
	options Options
	summary *summary
	content *content

	mu      sync.Mutex
	missing map[string]bool // paths of files that are not there, as far as Projects has looked
}

var _ transfer.Source = (*Source)(nil)

// Open reads the description of an export. It returns fault.Invalid, with a list of the indexes, unless Options.Index
// is one of them.
func Open(ctx context.Context, dir string, o Options) (*Source, error) {
	folder, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &Source{folder: folder, options: o, missing: map[string]bool{}}
	if err := s.read(ctx); err != nil {
		_ = folder.Close()
		return nil, err
	}
	return s, nil
}

func (s *Source) read(ctx context.Context) error {
	d := s.folder.Document(dataindex)
	if _, err := s.folder.Stat(dataindex); fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "%s has no %s: devpi-export writes it", s.folder.Path(), dataindex)
	} else if err != nil {
		return err
	}
	var err error
	if s.summary, err = summarize(d); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	x, err := s.summary.choose(s.options.Index)
	if err != nil {
		return err
	}
	s.content, err = read(d, x)
	return err
}

// About returns the folder and the index. The files of a mirror belong to what it mirrors.
func (s *Source) About() transfer.About {
	a := transfer.About{Kind: "devpi", Location: s.folder.Path() + "#" + s.content.index.name}
	if s.content.index.mirror() {
		if a.Upstream = s.content.index.mirrorURL; a.Upstream == "" {
			a.Upstream = "unknown"
		}
	}
	return a
}

// Projects yields the projects that have files, in the order of their names.
func (s *Source) Projects(
	ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	names := func(yield func(packaging.ProjectName) bool) {
		for name, p := range s.content.projects {
			if len(p.files) > 0 && (match == nil || match(name)) && !yield(name) {
				return
			}
		}
	}
	return transfer.InOrder(ctx, names,
		func(name packaging.ProjectName) (transfer.Project, error) { return s.project(name), nil })
}

// project returns a project with its files.
func (s *Source) project(name packaging.ProjectName) transfer.Project {
	p := s.content.projects[name]
	out := transfer.Project{Name: name, Display: p.display, Files: make([]transfer.File, 0, len(p.files))}
	seen := map[string]bool{}
	for i := range p.files {
		f := s.file(name, p, &p.files[i])
		if seen[f.Place] {
			continue
		}
		seen[f.Place] = true
		out.Files = append(out.Files, f)
	}
	return out
}

func (s *Source) file(name packaging.ProjectName, p *project, f *file) transfer.File {
	x := s.content.index
	out := transfer.File{
		Place:    stated.Text(f.path),
		Filename: stated.Text(path.Base(f.path)),
		Version:  f.versionOf(name),
		Size:     -1,
		Hashes:   f.digests,
	}
	out.UploadedAt, out.TimeTrust = f.when(x, s.summary.indexes)
	if !x.mirror() {
		out.Uploader = f.uploader
	} else {
		out.URL = f.url
		if v := p.versions[f.version]; v != nil {
			out.RequiresPython, out.Yanked, out.YankedReason = v.requiresPython, v.yanked, v.yankedReason
		}
	}
	if !f.inside(x) {
		out.Problem = "its path is not inside the folder of the index"
		return out
	}
	if f.conflict {
		out.Problem = "the export states two different digests"
		return out
	}
	info, err := s.folder.Stat(f.path)
	if err != nil {
		out.Problem = "the export lists it, but " + fault.Message(err)
		s.mu.Lock()
		s.missing[f.path] = true
		s.mu.Unlock()
		return out
	}
	out.Size = info.Size()
	return out
}

// Open opens a file of the export.
func (s *Source) Open(_ context.Context, f transfer.File) (io.ReadCloser, error) {
	if !strings.HasPrefix(f.Place, s.content.index.name+"/") {
		return nil, fault.New(fault.Invalid, "%s is not a file of the index", f.Place)
	}
	return s.folder.OpenFile(f.Place)
}

// Provenance returns nil: devpi has no provenance.
func (s *Source) Provenance(context.Context, transfer.File) ([]byte, error) { return nil, nil }

// Close closes the folder.
func (s *Source) Close() error { return s.folder.Close() }

// Notes returns what an import of the index leaves behind, with the commands that do it here.
func (s *Source) Notes() []transfer.Note {
	var notes []transfer.Note
	add := func(kind, command, format string, args ...any) {
		notes = append(notes, transfer.Note{Kind: kind, Text: fmt.Sprintf(format, args...), Command: command})
	}
	add("secret", "", "the export has the password hashes of all users: keep it like a password, and delete it when you are done")
	if !s.content.index.mirror() {
		add("deleted", "",
			"devpi keeps no record of deleted files, releases and projects: their names are free here, and can be uploaded again")
	}
	s.noteSettings(add)
	s.noteUsers(add)
	s.noteContent(add)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.missing); n > 0 {
		add("missing", "", "%s of the export cannot be read: is the folder complete?", stated.Plural(n, "file"))
	}
	return notes
}

// noteContent notes what is not imported, by its kind.
func (s *Source) noteContent(add func(kind, command, format string, args ...any)) {
	c := s.content
	if c.docs.Count > 0 {
		add("documentation", "", "documentation is not imported (%d): %s", c.docs.Count, &c.docs)
	}
	if c.tests.Count > 0 {
		add("test results", "", "test results are not imported (%d): %s", c.tests.Count, &c.tests)
	}
	if c.unknown.Count > 0 {
		add("skipped", "", "files of a type that is not known here are not imported (%d): %s", c.unknown.Count, &c.unknown)
	}
	if c.nameless.Count > 0 {
		add("skipped", "", "projects without a valid name are not imported (%d): %s", c.nameless.Count, &c.nameless)
	}
	var empty, renewed stated.Sample
	names := make([]packaging.ProjectName, 0, len(c.projects))
	for name := range c.projects {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b packaging.ProjectName) int { return strings.Compare(a.String(), b.String()) })
	for _, name := range names {
		p := c.projects[name]
		for _, number := range p.withoutFile(name) {
			empty.Add(name.String() + " " + number)
		}
		for i := range p.files {
			if _, trust := p.files[i].when(c.index, s.summary.indexes); trust == transfer.Latest {
				renewed.Add(path.Base(p.files[i].path))
			}
		}
	}
	if empty.Count > 0 {
		add("skipped", "", "versions without a file are no releases and are not imported (%d): %s", empty.Count, &empty)
	}
	if renewed.Count > 0 {
		add("times", "",
			"files of a volatile index may be older than the upload times that devpi kept, which a second upload renews (%d): %s",
			renewed.Count, &renewed)
	}
}
