package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Status is a project's status marker (PEP 792).
type Status string

// The statuses. Archived takes no uploads, quarantined neither takes nor offers files, deprecated only says so.
const (
	Active      Status = "active"
	Archived    Status = "archived"
	Deprecated  Status = "deprecated"
	Quarantined Status = "quarantined"
)

// Project is a name and what is known about it.
type Project struct {
	ID           string
	Repository   Repository
	Name         packaging.ProjectName
	Display      string // as the newest upload spells it
	Status       Status
	StatusReason string
	Serial       int64 // of the newest change that a reader can notice
	Epoch        int64 // in which this process read it, see memo.Stamp; not stored
	Size         int64 // bytes of all its files
	CreatedAt    time.Time
	TrustedOnly  bool   // API tokens do not upload to it: its trusted publishers do
	Limits       Limits // its own, in place of what is configured; a zero field is as configured
}

// Stamp returns what this process may keep about the project as it is now.
func (p Project) Stamp() memo.Stamp { return memo.Stamp{Epoch: p.Epoch, Value: p.Serial} }

// Object returns the project as permissions see it.
func (p Project) Object() access.Object {
	o := p.Repository.Object()
	o.ProjectID = p.ID
	return o
}

// ProjectRows keeps projects; Repository is filled in on reading. Reads return fault.NotFound for none.
type ProjectRows interface {
	InsertProject(ctx context.Context, p Project) error // fault.Conflict for a name that exists in the repository
	UpdateProject(ctx context.Context, p Project) error // by id: display, status and its reason, serial, size, trusted only, limits
	DeleteProject(ctx context.Context, id string) error // with releases, files, grants and publisher links; not tombstones
	ProjectByName(ctx context.Context, repositoryID string, name packaging.ProjectName) (Project, error)
	ProjectByID(ctx context.Context, id string) (Project, error)
	Projects(ctx context.Context, repositoryID string) ([]Project, error) // by normal name
	// ProjectWithSkeleton returns some project whose name has a skeleton, see packaging.ProjectName; fault.NotFound where none has.
	ProjectWithSkeleton(ctx context.Context, repositoryID, skeleton string) (Project, error)
	// ListedSince returns what a listing shows of the projects whose serial is above one, by normal name, and the number of
	// all projects of the repository. It does not tell which were deleted.
	ListedSince(ctx context.Context, repositoryID string, serial int64) ([]Listed, int, error)
}

// Release is one version of a project.
type Release struct {
	ID, ProjectID string
	Version       string // normal form (PEP 440), as its first file spells it
	Key           string // packaging.Version.Key: equal for equal versions
	CreatedAt     time.Time
}

// ReleaseRows keeps releases. Reads return fault.NotFound for none.
type ReleaseRows interface {
	InsertRelease(ctx context.Context, r Release) error // fault.Conflict for a version that exists
	DeleteRelease(ctx context.Context, id string) error
	ReleaseByKey(ctx context.Context, projectID, key string) (Release, error)
	// Releases returns a project's releases, oldest first, but those all of whose files are in quarantine.
	Releases(ctx context.Context, projectID string) ([]Release, error)
	// Summaries returns all of a project's releases, also those in quarantine, with numbers of their files, in no order.
	Summaries(ctx context.Context, projectID string) ([]Summary, error)
}
