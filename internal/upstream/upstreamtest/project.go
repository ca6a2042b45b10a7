package upstreamtest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
)

// Project is a project of the upstream. Its fields may be set before the first request, or in Server.Change.
type Project struct {
	Name         string // normalized
	Status       string // "active" by default
	StatusReason string
	Serial       int64
	Files        []*File
}

// File is a file of a project, as its page states it.
type File struct {
	Name, Version  string
	SHA256         string
	Hashes         map[string]string // further digests of the page, such as "md5"
	NoSHA256       bool              // the page states no sha256
	Size           int64
	Uploaded       time.Time
	RequiresPython string
	Yanked         bool
	YankedReason   string
	Metadata       []byte // nil if the page offers none
	Provenance     []byte // nil if there is none
	Signed         *bool

	project string
	path    string
	open    func() (io.ReadSeekCloser, error)
}

// firstUpload is the time of the first file of each project. Later ones follow in steps of a day.
var firstUpload = time.Date(2021, 3, 4, 5, 6, 7, 123456000, time.UTC)

// Add adds distributions to their projects.
func (s *Server) Add(files ...packagingtest.File) {
	for _, f := range files {
		content := f.Bytes
		s.place(normal(f.Project), &File{
			Name: f.Name, Version: f.Version, SHA256: f.SHA256(), Size: int64(len(content)),
			RequiresPython: requiresPython(f.Metadata), Metadata: f.Metadata,
			open: func() (io.ReadSeekCloser, error) { return nopCloser{bytes.NewReader(content)}, nil },
		})
	}
}

// AddPath adds a distribution from disk to a project, unchanged, with the metadata of a wheel.
func (s *Server) AddPath(project, from string) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	filename, err := packaging.ParseFilename(filepath.Base(from), name)
	if err != nil {
		return err
	}
	content, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	sum := sha256.New()
	size, err := io.Copy(sum, content)
	if err != nil {
		return err
	}
	f := &File{
		Name: filename.String(), Version: filename.Version().String(), SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size,
		open: func() (io.ReadSeekCloser, error) { return os.Open(from) },
	}
	if filename.Kind() == packaging.Wheel {
		if f.Metadata, err = wheelMetadata(content, size); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		f.RequiresPython = requiresPython(f.Metadata)
	}
	s.place(name.String(), f)
	return nil
}

// AddGenerated adds a file with generated content of a size. It is no valid archive: only its digest is checked.
func (s *Server) AddGenerated(project, version string, size int64) *File {
	f := generated(normal(project), version, size)
	s.place(f.project, f)
	return f
}

func (s *Server) place(project string, f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[project]
	if p == nil {
		p = &Project{Name: project}
		s.projects[project] = p
	}
	s.serial++
	p.Serial = s.serial
	if f.Uploaded.IsZero() {
		f.Uploaded = firstUpload.AddDate(0, 0, len(p.Files))
	}
	f.project, f.path = project, s.pathOf(project, f)
	p.Files = append(p.Files, f)
	s.paths[f.path] = f
}

// pathOf returns the path of a file. Like the public index's, it has 64 hex digits that are not the file's sha256.
func (s *Server) pathOf(project string, f *File) string {
	if s.options.Folder {
		return path.Join("/files", project, f.Name)
	}
	sum := sha256.Sum256([]byte("path of " + f.SHA256 + f.Name))
	digits := hex.EncodeToString(sum[:])
	return path.Join("/packages", digits[:2], digits[2:4], digits[4:], f.Name)
}

// Change calls change with a project, which is created if it is missing, and increments its serial: its ETag changes.
func (s *Server) Change(project string, change func(*Project)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := normal(project)
	p := s.projects[name]
	if p == nil {
		p = &Project{Name: name}
		s.projects[name] = p
	}
	change(p)
	s.serial++
	p.Serial = s.serial
}

// Remove removes a project with its files.
func (s *Server) Remove(project string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := normal(project)
	if p := s.projects[name]; p != nil {
		for _, f := range p.Files {
			delete(s.paths, f.path)
		}
	}
	delete(s.projects, name)
}

// FileURL returns the URL of a file that was added.
func (s *Server) FileURL(filename string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.paths {
		if f.Name == filename {
			return s.FilesBase() + f.path
		}
	}
	return ""
}

var requires = regexp.MustCompile(`(?mi)^Requires-Python:[ \t]*(.*?)\r?$`)

func requiresPython(metadata []byte) string {
	head, _, _ := bytes.Cut(bytes.ReplaceAll(metadata, []byte("\r"), nil), []byte("\n\n"))
	if m := requires.FindSubmatch(head); m != nil {
		return strings.TrimSpace(string(m[1]))
	}
	return ""
}

// wheelMetadata reads the METADATA of a wheel.
func wheelMetadata(r io.ReaderAt, size int64) ([]byte, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if dir, name := path.Split(f.Name); name == "METADATA" && strings.HasSuffix(dir, ".dist-info/") {
			in, err := f.Open()
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(in)
			return text, errors.Join(err, in.Close())
		}
	}
	return nil, errors.New("no METADATA")
}

var separators = regexp.MustCompile(`[-_.]+`)

// normal returns the normalized form of a project's name.
func normal(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }
