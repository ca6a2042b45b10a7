package catalog

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Limits bound what uploads may add. A zero field sets no bound.
type Limits struct {
	FileSize    int64 // bytes of one file
	ProjectSize int64 // bytes of all files of a project
}

// limitsOf returns the limits of a project: its own, and what is configured where it has none.
func (x *Index) limitsOf(p Project) Limits {
	return Limits{
		FileSize:    cmp.Or(p.Limits.FileSize, x.limits.FileSize),
		ProjectSize: cmp.Or(p.Limits.ProjectSize, x.limits.ProjectSize),
	}
}

// Limits returns what bounds the files of a project: its own limits, and what is configured where it has none; for the
// zero name what is configured. It needs an uploader; fault.NotFound where there is no such project for the caller,
// fault.Denied without the right.
func (x *Index) Limits(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) (Limits, error) {
	if name.IsZero() {
		_, err := x.uploadTarget(ctx, who, repo)
		return x.limits, err
	}
	p, err := x.Project(ctx, who, repo, name)
	if err == nil {
		err = permit(who, access.Uploader, p)
	}
	if err != nil {
		return Limits{}, err
	}
	return x.limitsOf(p), nil
}

// admit refuses a file of a size that would pass a limit of p, which is the zero Project where the file is its first.
func (l Limits) admit(p Project, name packaging.ProjectName, size int64) error {
	if l.FileSize > 0 && size > l.FileSize {
		return fault.New(fault.TooLarge, "File too large: project %s takes files of up to %s", name, bytesText(l.FileSize))
	}
	if l.ProjectSize > 0 && p.Size+size > l.ProjectSize {
		return fault.New(fault.TooLarge, "File too large: project %s has %s of the %s that this index gives a project", name, bytesText(p.Size), bytesText(l.ProjectSize))
	}
	return nil
}

// Options are the settings of an Index; the zero value works.
type Options struct {
	Now    func() time.Time // time.Now
	NewID  func() string    // UUIDv7
	Log    *slog.Logger     // slog.Default
	Policy Policy           // PrivatePolicy is the zero value
	Limits Limits
	// Attester decides about attestations; without one they are not kept.
	Attester Attester
	// Redact leaves out of entries of a project's history the claims that the caller may not read. Without it owners see no claims.
	Redact func(ctx context.Context, tx Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

// Index is projects, releases and files. It is safe for concurrent use; any number may share rows and bytes.
type Index struct {
	store    Store
	blobs    Blobs
	now      func() time.Time
	newID    func() string
	log      *slog.Logger
	policy   Policy
	limits   Limits
	attester Attester
	redact   func(ctx context.Context, tx Tx, who access.Caller, projectID string, entries []audit.Entry) error

	repositories *memo.BySerial[string, Repository]
	projects     *memo.BySerial[projectKey, Project]
	files        *memo.BySerial[fileKey, located]
	lists        *memo.Weighted[string, list]
	lines        *memo.Weighted[string, []Summary]
	downloads    downloads
	said         said
	trouble      trouble
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

// New returns the index over the rows of s and the bytes of b.
func New(s Store, b Blobs, o Options) *Index {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Attester == nil {
		o.Attester = ignorant{}
	}
	if o.Redact == nil {
		o.Redact = withoutClaims
	}
	return &Index{
		redact: o.Redact,
		store:  s, blobs: b, now: o.Now, newID: o.NewID, log: o.Log, policy: o.Policy, limits: o.Limits, attester: o.Attester,
		repositories: memo.NewBySerial[string, Repository](memoRepositories),
		projects:     memo.NewBySerial[projectKey, Project](memoProjects),
		files:        memo.NewBySerial[fileKey, located](memoFiles),
		lists:        newLists(),
		lines:        newLines(),
	}
}

// clock returns the time as rows keep it: whole microseconds, UTC.
func (x *Index) clock() time.Time { return x.now().UTC().Truncate(time.Microsecond) }
