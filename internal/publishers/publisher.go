package publishers

import (
	"time"
)

// Publisher is a rule that trusts workloads: those whose verified claims fit may upload to the projects it is attached
// to.
type Publisher struct {
	ID       string
	Issuer   string            // exact "iss"; part of the identity
	Provider string            // Provider.Name: "github"
	Lookup   string            // what claims are looked up by: for github "owner/repository" in lower case
	Fields   map[string]string // as compiled: for github owner, repository, workflow, environment; all normal
	// OwnerID is the numeric account id that the rule is pinned to; "" until the first accepted token pins it.
	OwnerID   string
	CreatedAt time.Time
	CreatedBy string // user id, "" for the operator
}

// Attached is a publisher together with a project that it may upload to.
type Attached struct {
	Publisher Publisher
	ProjectID string
	Project   string // normal name
	AddedAt   time.Time
	AddedBy   string
}

// Pending is a publisher for a project that does not exist yet. It makes the project when a token first fits.
type Pending struct {
	ID           string
	RepositoryID string
	Project      string // normal name
	Display      string // as typed
	Publisher    Publisher
	Registrant   string // user id; becomes the project's owner. "" for the operator
	CreatedAt    time.Time
	ExpiresAt    time.Time
}
