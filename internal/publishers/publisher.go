package publishers

import (
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
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

// RepositoryPublisher is a publisher together with the names in a repository that it may upload to, whether or not the
// projects exist.
type RepositoryPublisher struct {
	ID           string // minted tokens are bound to it; a publisher that is added again gets another one
	Publisher    Publisher
	RepositoryID string
	Prefix       packaging.NamePrefix
	Creates      bool   // whether an upload may create the project
	OwnerUser    string // user id of the owner of such a project; "" if only administrators manage it
	AddedAt      time.Time
	AddedBy      string // user id; "" for the operator
}

// Covers reports whether r covers a project of its repository.
func (r RepositoryPublisher) Covers(p catalog.Project) bool {
	return r.RepositoryID == p.Repository.ID && r.Prefix.Covers(p.Name)
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
