package catalog

import (
	"cmp"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Limits bound uploads. A zero field means no limit.
type Limits struct {
	FileSize    int64 // bytes of one file
	ProjectSize int64 // bytes of all files of a project
	// RepositorySize is the limit for all files of a repository, in bytes. A project has none of its own.
	RepositorySize int64
}

// LimitsUnder returns the effective limits of a project: its own and its repository's, or the configured limit for each
// that is zero.
func (p Project) LimitsUnder(configured Limits) Limits {
	return Limits{
		FileSize:    cmp.Or(p.Limits.FileSize, configured.FileSize),
		ProjectSize: cmp.Or(p.Limits.ProjectSize, configured.ProjectSize),

		RepositorySize: cmp.Or(p.Repository.SizeLimit, configured.RepositorySize),
	}
}

// Options are the settings of an Index; the zero value works.
type Options struct {
	Now    func() time.Time // time.Now
	NewID  func() string    // UUIDv7
	Limits Limits
	Public PublicNames // compares names with those of upstreams; nil if there are none
}

// Index manages projects, releases and files. It is safe for concurrent use; any number may share a database and store.
type Index struct {
	store   Store
	custody *custody.Keeper
	changes access.Changes[Tx]
	limits  Limits
	public  PublicNames

	repositories *memo.BySerial[string, Repository]
	chains       *memo.BySerial[string, []Source] // by repository id
	origins      *memo.BySerial[nameKey, Ownership]
	visible      *memo.BySerial[string, []string] // names of repositories by user id
	projects     *memo.BySerial[projectKey, Project]
	absent       *memo.BySerial[projectKey, struct{}] // names that a repository has no project of
	files        *memo.BySerial[fileKey, located]
	lists        *memo.Weighted[string, *Roll]     // by repository id
	lines        *memo.Weighted[string, []Summary] // by project id
	downloads    downloads
	recovered    lastRecovered
}

// projectKey and fileKey are cache keys; id is a repository's.
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

// The number of rows of each kind in the cache, some tens of megabytes at most.
const (
	memoRepositories = 1_000
	memoUsers        = 1_000
	memoProjects     = 50_000
	memoFiles        = 20_000
)

// New returns the index over the rows of s, with content stored by k.
func New(s Store, k *custody.Keeper, o Options) *Index {
	return &Index{
		store: s, custody: k, changes: access.NewChanges(s, o.Now, o.NewID), limits: o.Limits,
		public:       o.Public,
		repositories: memo.NewBySerial[string, Repository](memoRepositories),
		chains:       memo.NewBySerial[string, []Source](memoRepositories),
		origins:      memo.NewBySerial[nameKey, Ownership](memoNames),
		visible:      memo.NewBySerial[string, []string](memoUsers),
		projects:     memo.NewBySerial[projectKey, Project](memoProjects),
		absent:       memo.NewBySerial[projectKey, struct{}](memoProjects),
		files:        memo.NewBySerial[fileKey, located](memoFiles),
		lists:        memo.NewWeighted(maxLists, func(_ string, l *Roll) int64 { return l.Size() }),
		lines:        memo.NewWeighted(maxLines, func(_ string, l []Summary) int64 { return int64(len(l)) + 1 }),
	}
}
