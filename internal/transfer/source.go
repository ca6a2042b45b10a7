package transfer

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

// Trust says how well the upload time of a file is known.
type Trust string

// The degrees of trust in an upload time, best first.
const (
	Stated  Trust = "stated"  // the source recorded the upload
	Latest  Trust = "latest"  // the upload was not later
	Guessed Trust = "guessed" // derived from something else, such as the time of a file
	Unknown Trust = ""        // the source has no time
)

// File is a distribution as a source states it. Only Filename and Place are always set.
type File struct {
	Place          string // identifies the file in its source, such as a path or URL; stable between runs
	Filename       string
	Version        string            // as the source spells it
	Size           int64             // bytes, -1 if unknown
	Hashes         map[string]string // lower-case hex by the name of the algorithm, such as "sha256"
	UploadedAt     time.Time         // zero if unknown
	TimeTrust      Trust
	Uploader       string // as the source names it
	Yanked         bool
	YankedReason   string
	RequiresPython string
	// MetadataSHA256 is the digest of the core metadata that the source states, "" if it states none.
	MetadataSHA256 string
	Provenance     bool   // Source.Provenance has a document
	URL            string // of the file at the upstream that the source mirrors, "" if unknown
	Problem        string // why the source itself cannot offer the file, "" if it can; the file is listed as refused
}

// Project is a project of a source with all its files.
type Project struct {
	Name         packaging.ProjectName
	Display      string // as its owner spells it, "" if unknown
	Status       string // "active", "archived", "quarantined" or "deprecated"; "" if unknown
	StatusReason string
	Files        []File
	Downloads    int64 // counted by the source, 0 if unknown
	CountedAt    time.Time
	// Settle, if it is set, completes the rows of the project in the transaction that imported some of its files, with
	// what no other fields carry. It returns the project as it should be. Only exports of this program have it.
	Settle func(ctx context.Context, tx ingest.Tx, here catalog.Project, importID string,
		created bool) (catalog.Project, error)
}

// Settler is a source that completes the rows of a repository when all of its projects were imported. Only exports of
// this program do.
type Settler interface {
	// OwnNames calls f for the names without files that Settle makes own, and stops at its first error.
	OwnNames(match func(packaging.ProjectName) bool, f func(packaging.ProjectName) error) error
	// Settle leaves out what match does not select, and makes no name own that withheld reports.
	Settle(ctx context.Context, tx Tx, here catalog.Repository, match, withheld func(packaging.ProjectName) bool) error
}

// About describes a source.
type About struct {
	Kind     string // such as "devpi"
	Location string // absolute path or URL, without credentials
	// Upstream is the index that the source is a mirror of, as a URL, "" if its files are its own. Such files are never
	// own files of this index.
	Upstream string
}

// InOrder yields the named projects in the order of their names, for Source.Projects. It stops if the context ends.
func InOrder(ctx context.Context, names iter.Seq[packaging.ProjectName],
	project func(packaging.ProjectName) (Project, error),
) iter.Seq2[Project, error] {
	return func(yield func(Project, error) bool) {
		byName := func(a, b packaging.ProjectName) int { return strings.Compare(a.String(), b.String()) }
		for _, name := range slices.SortedFunc(names, byName) {
			if err := ctx.Err(); err != nil {
				yield(Project{}, err)
				return
			}
			p, err := project(name)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// Note is something that an import cannot carry over, or something for the administrator to do.
type Note struct {
	Kind    string `json:"kind"` // such as "user", "right", "documentation", "skipped"
	Text    string `json:"text"`
	Command string `json:"command,omitempty"` // that does it here
}

// Source is a place from which files are imported. Its methods may be called concurrently. What it reads was written by
// strangers: implementations bound size, depth and time.
type Source interface {
	About() About
	// Projects yields each project once, in the order of their names if the source can, and stops at the first error.
	// match selects projects by their normal names; a source may use it to ask for less.
	Projects(ctx context.Context, match func(packaging.ProjectName) bool) iter.Seq2[Project, error]
	// Open returns the content of a file. It returns fault.NotFound if the source lists a file that it does not have.
	Open(ctx context.Context, f File) (io.ReadCloser, error)
	// Provenance returns the provenance document of a file, nil if there is none.
	Provenance(ctx context.Context, f File) ([]byte, error)
	// Notes returns what is to be told about the source. It is complete after Projects was read to its end.
	Notes() []Note
	Close() error
}
