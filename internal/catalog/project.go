package catalog

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Status is a project's status marker (PEP 792).
type Status string

// An archived project rejects uploads, a quarantined one also hides its files, and a deprecated one only shows a
// notice.
const (
	Active      Status = "active"
	Archived    Status = "archived"
	Deprecated  Status = "deprecated"
	Quarantined Status = "quarantined"
)

// Project is a project of a repository.
type Project struct {
	ID           string
	Repository   Repository
	Name         packaging.ProjectName
	Display      string // spelling of the newest upload
	Status       Status
	StatusReason string
	Serial       int64 // of the newest change that readers can see
	Epoch        int64 // epoch in which this process read it, see memo.Stamp; not stored
	Size         int64 // bytes of all its files
	CreatedAt    time.Time
	StartupFiles bool   // uploads may have start-up files although no earlier version had one
	TrustedOnly  bool   // only trusted publishers may upload, not API tokens
	Limits       Limits // its own; a zero field means the configured limit
}

// Stamp returns the stamp to cache data about the project under, in this process.
func (p Project) Stamp() memo.Stamp { return memo.Stamp{Epoch: p.Epoch, Value: p.Serial} }

// Object returns the project for permission checks.
func (p Project) Object() access.Object {
	o := p.Repository.Object()
	o.ProjectID, o.Project = p.ID, p.Name
	return o
}

// Release is one version of a project.
type Release struct {
	ID, ProjectID string
	Version       string // normal form (PEP 440) of its first file's spelling
	Key           string // packaging.Version.Key: equal for equal versions
	CreatedAt     time.Time
}
