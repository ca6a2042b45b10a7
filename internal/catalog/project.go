package catalog

import (
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

// Release is one version of a project.
type Release struct {
	ID, ProjectID string
	Version       string // normal form (PEP 440), as its first file spells it
	Key           string // packaging.Version.Key: equal for equal versions
	CreatedAt     time.Time
}
