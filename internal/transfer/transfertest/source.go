// Package transfertest has a source of imports in memory, which may fail.
package transfertest

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/transfer"
)

// Uploaded is when the first file of a source was uploaded.
var Uploaded = time.Date(2021, 3, 4, 5, 6, 7, 8000, time.UTC)

// Source is a source in memory. Its fields may be changed between runs.
type Source struct {
	Of  transfer.About
	All []transfer.Project

	mu      sync.Mutex
	content map[string][]byte // by place
	proofs  map[string][]byte
	Opened  func(transfer.File) error // called by Open, which returns its error; nil does nothing
	Told    []transfer.Note
}

// New returns an empty source.
func New() *Source {
	return &Source{
		Of: transfer.About{Kind: "test", Location: "/srv/test"}, content: map[string][]byte{}, proofs: map[string][]byte{},
	}
}

// Add adds a file of a project, uploaded by alice, an hour after the one before. change may change what is stated.
func (s *Source) Add(f packagingtest.File, change ...func(*transfer.File)) {
	name, err := packaging.ParseProjectName(f.Project)
	if err != nil {
		panic(err)
	}
	i := slices.IndexFunc(s.All, func(p transfer.Project) bool { return p.Name == name })
	if i < 0 {
		i = len(s.All)
		s.All = append(s.All, transfer.Project{Name: name, Display: f.Project})
	}
	p := &s.All[i]
	file := transfer.File{
		Place: "root/prod/" + f.Project + "/" + f.Name, Filename: f.Name, Version: f.Version, Size: int64(len(f.Bytes)),
		Hashes:     map[string]string{"sha256": f.SHA256()},
		UploadedAt: Uploaded.Add(time.Duration(len(p.Files)) * time.Hour), TimeTrust: transfer.Stated, Uploader: "alice",
	}
	for _, c := range change {
		c(&file)
	}
	s.content[file.Place] = f.Bytes
	p.Files = append(p.Files, file)
}

// Project returns a project, to be changed.
func (s *Source) Project(name string) *transfer.Project {
	i := slices.IndexFunc(s.All, func(p transfer.Project) bool { return p.Name.String() == name })
	return &s.All[i]
}

// Prove gives a file a provenance document.
func (s *Source) Prove(place, document string) { s.proofs[place] = []byte(document) }

// About implements transfer.Source.
func (s *Source) About() transfer.About { return s.Of }

// Projects implements transfer.Source.
func (s *Source) Projects(ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	return func(yield func(transfer.Project, error) bool) {
		all := slices.Clone(s.All)
		slices.SortFunc(all, func(a, b transfer.Project) int { return strings.Compare(a.Name.String(), b.Name.String()) })
		for _, p := range all {
			if ctx.Err() != nil {
				yield(transfer.Project{}, ctx.Err())
				return
			}
			if match(p.Name) && !yield(p, nil) {
				return
			}
		}
	}
}

// Open implements transfer.Source.
func (s *Source) Open(_ context.Context, f transfer.File) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Opened != nil {
		if err := s.Opened(f); err != nil {
			return nil, err
		}
	}
	b, ok := s.content[f.Place]
	if !ok {
		return nil, fault.New(fault.NotFound, "the source has no %s", f.Place)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Provenance implements transfer.Source.
func (s *Source) Provenance(_ context.Context, f transfer.File) ([]byte, error) {
	return s.proofs[f.Place], nil
}

// Notes implements transfer.Source.
func (s *Source) Notes() []transfer.Note { return s.Told }

// Close implements transfer.Source.
func (s *Source) Close() error { return nil }
