package publishers

import (
	"time"
)

// Publisher is a rule that trusts workloads. Workloads whose verified claims match may upload to the projects that it
// is attached to.
type Publisher struct {
	ID       string
	Issuer   string            // exact "iss"; part of the identity
	Provider string            // Provider.Name: "github"
	Lookup   string            // lookup key: for github "owner/repository" in lower case
	Fields   map[string]string // as compiled and normalized: for github owner, repository, workflow, environment
	// OwnerID is the numeric account id that the rule is pinned to; "" until the first accepted token pins it.
	OwnerID   string
	CreatedAt time.Time
	CreatedBy string // user id; "" for the operator
}

// Attached is a publisher together with a project that it may upload to.
type Attached struct {
	Publisher Publisher
	ProjectID string
	Project   string // normal name
	AddedAt   time.Time
	AddedBy   string
}

// Pending is a publisher for a project that does not exist yet. The first matching token creates the project.
type Pending struct {
	ID           string
	RepositoryID string
	Project      string // normal name
	Display      string // as typed
	Publisher    Publisher
	Registrant   string // user id of the project's future owner; "" for the operator
	CreatedAt    time.Time
	ExpiresAt    time.Time
}
