package catalog

import (
	"cmp"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Limits bound what uploads may add. A zero field sets no bound.
type Limits struct {
	FileSize    int64 // bytes of one file
	ProjectSize int64 // bytes of all files of a project
}

// LimitsUnder returns what bounds a project: its own limits, and what is configured if it has none.
func (p Project) LimitsUnder(configured Limits) Limits {
	return Limits{
		FileSize:    cmp.Or(p.Limits.FileSize, configured.FileSize),
		ProjectSize: cmp.Or(p.Limits.ProjectSize, configured.ProjectSize),
	}
}

// Options are the settings of an Index; the zero value works.
type Options struct {
	Now    func() time.Time // time.Now
	NewID  func() string    // UUIDv7
	Limits Limits
}

// Index is projects, releases and files. It is safe for concurrent use; any number may share rows and bytes.
type Index struct {
	store   Store
	custody *custody.Keeper
	changes access.Changes[Tx]
	limits  Limits

	repositories *memo.BySerial[string, Repository]
	projects     *memo.BySerial[projectKey, Project]
	files        *memo.BySerial[fileKey, located]
	lists        *memo.Weighted[string, list]
	lines        *memo.Weighted[string, []Summary]
	downloads    downloads
}

// projectKey and fileKey are how the memory finds what a request names; id is a repository's.
type (
	projectKey struct {
		id   string
		name packaging.ProjectName
	}
	fileKey struct{ id, filename string }
	located struct {
		file    File
		project Project
	}
)

// How many rows of each kind the memory holds while nothing changes: some tens of megabytes at the most.
const (
	memoRepositories = 1_000
	memoProjects     = 50_000
	memoFiles        = 20_000
)

// New returns the index over the rows of s and the bytes that k keeps.
func New(s Store, k *custody.Keeper, o Options) *Index {
	return &Index{
		store: s, custody: k, changes: access.NewChanges(s, o.Now, o.NewID), limits: o.Limits,
		repositories: memo.NewBySerial[string, Repository](memoRepositories),
		projects:     memo.NewBySerial[projectKey, Project](memoProjects),
		files:        memo.NewBySerial[fileKey, located](memoFiles),
		lists:        newLists(),
		lines:        newLines(),
	}
}
