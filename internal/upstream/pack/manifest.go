package pack

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/packaging"
)

// Format is the version of the format that this program writes, and the only one that it reads.
const Format = 1

// Manifest describes a pack.
type Manifest struct {
	Format    int        `json:"format"`
	Made      time.Time  `json:"made"`
	Upstreams []Upstream `json:"upstreams"`
}

// Upstream is an upstream with what was read from it.
type Upstream struct {
	Name         string    `json:"name"`
	URL          string    `json:"url"`
	Kind         string    `json:"kind"` // "public" or "private"
	ArtifactBase string    `json:"artifact_base,omitempty"`
	Projects     []Project `json:"projects"`
}

// Project is the page of a project and some of its files.
type Project struct {
	Name         string    `json:"name"`
	Record       Blob      `json:"record"` // of package page
	URL          string    `json:"url"`    // that answered
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	Serial       string    `json:"serial,omitempty"`
	FetchedAt    time.Time `json:"fetched_at"`
	CheckedAt    time.Time `json:"checked_at"`
	Files        []File    `json:"files"`
}

// File is a file that the record lists.
type File struct {
	Filename     string    `json:"filename"`
	Content      Blob      `json:"content"`
	Metadata     *Blob     `json:"metadata,omitempty"`
	Provenance   *Blob     `json:"provenance,omitempty"`
	ProvenanceAt time.Time `json:"provenance_at,omitzero"` // when the document was read
}

// Blob is an entry of the pack.
type Blob struct {
	SHA256 string `json:"sha256"` // in lower-case hex
	Size   int64  `json:"size"`   // in bytes
}

// Part says what an entry of a pack is.
type Part string

// The parts of a project and of its files.
const (
	Record     Part = "record"
	Content    Part = "content"
	Metadata   Part = "metadata"
	Provenance Part = "provenance"
)

// Place says where in the manifest an entry is. File is 0 for a Record.
type Place struct {
	Upstream, Project, File int
	Part                    Part
}

// name returns the name of the entry.
func (p Place) name() string {
	if p.Part == Record {
		return fmt.Sprintf("%d/%d/%s", p.Upstream, p.Project, p.Part)
	}
	return fmt.Sprintf("%d/%d/%d/%s", p.Upstream, p.Project, p.File, p.Part)
}

// The largest sizes, in bytes.
const (
	maxManifest = 64 << 20
	maxRecord   = 64 << 20
	maxDocument = 10 << 20
	maxContent  = 1 << 40
	maxText     = 4096
)

func (p Part) most() int64 {
	switch p {
	case Record:
		return maxRecord
	case Content:
		return maxContent
	}
	return maxDocument
}

// item is an entry that a manifest implies.
type item struct {
	Place
	Blob
}

// items returns the entries of a pack in their order.
func (m Manifest) items() (all []item) {
	for u, up := range m.Upstreams {
		for p, project := range up.Projects {
			at := Place{Upstream: u, Project: p, Part: Record}
			all = append(all, item{at, project.Record})
			for f, file := range project.Files {
				at.File, at.Part = f, Content
				all = append(all, item{at, file.Content})
				if file.Metadata != nil {
					at.Part = Metadata
					all = append(all, item{at, *file.Metadata})
				}
				if file.Provenance != nil {
					at.Part = Provenance
					all = append(all, item{at, *file.Provenance})
				}
			}
		}
	}
	return all
}

// check returns an error for a manifest that no pack can have.
func (m Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("format %d, and this program reads format %d only", m.Format, Format)
	}
	known := map[string]bool{}
	for _, u := range m.Upstreams {
		if known[u.Name] || !legible(u.Name, u.URL, u.ArtifactBase) || u.Kind != "public" && u.Kind != "private" {
			return errors.New("an upstream is wrong")
		}
		known[u.Name] = true
		if err := u.checkProjects(); err != nil {
			return err
		}
	}
	for _, it := range m.items() {
		if it.Size < 0 || it.Size > it.Part.most() || len(it.SHA256) != 64 ||
			strings.Trim(it.SHA256, "0123456789abcdef") != "" {
			return fmt.Errorf("the size or digest of %s is wrong", it.name())
		}
	}
	return nil
}

func (u Upstream) checkProjects() error {
	projects := map[string]bool{}
	for _, p := range u.Projects {
		name, err := packaging.ParseProjectName(p.Name)
		if err != nil || name.String() != p.Name || projects[p.Name] {
			return fmt.Errorf("a project is wrong: %.80q", p.Name)
		}
		projects[p.Name] = true
		if !legible(p.URL, p.ETag, p.LastModified, p.Serial) || !usual(p.FetchedAt) || !usual(p.CheckedAt) {
			return fmt.Errorf("the page of %s is wrong", p.Name)
		}
		files := map[string]bool{}
		for _, f := range p.Files {
			if _, err := packaging.ParseFilename(f.Filename, name); err != nil || files[f.Filename] ||
				!f.ProvenanceAt.IsZero() && !usual(f.ProvenanceAt) {
				return fmt.Errorf("a file of %s is wrong: %.80q", p.Name, f.Filename)
			}
			files[f.Filename] = true
		}
	}
	return nil
}

// legible reports whether texts are short printable ASCII.
func legible(texts ...string) bool {
	for _, s := range texts {
		if len(s) > maxText || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
			return false
		}
	}
	return true
}

func usual(t time.Time) bool { return t.Year() >= 2000 && t.Year() <= 9999 }
