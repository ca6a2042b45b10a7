package holds

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Kind is the kind of a Ruling.
type Kind string

// These are the kinds.
const (
	KindDenial Kind = "deny"
	KindPin    Kind = "pin"  // a file must have the digest
	KindLift   Kind = "lift" // a denial does not apply to the digest
)

// Ruling is what an administrator decided about files, for the whole index. An empty Project stands for any project;
// otherwise, empty fields match everything.
type Ruling struct {
	ID       string
	Kind     Kind
	Project  string // normalized name
	Version  string // normalized version
	Filename string
	SHA256   string // in hex
	Reason   string
	Since    time.Time
	By       audit.Actor // kind, id and name
}

// Return is the decision that a project which was gone from an upstream, and came back, is served again.
type Return struct {
	Upstream, Project string
	At                time.Time
	Reason            string
	By                audit.Actor // kind, id and name
	// Returned is when the project came back. It is known to the result of AcceptReturn alone.
	Returned time.Time
}

// Exemption lifts the holds of one repository for the content that a project, version or file had when it was granted.
type Exemption struct {
	ID           string
	RepositoryID string
	Repository   string // its name
	Project      string // normalized name
	Version      string // normalized version, "" for every one
	Filename     string // "" for every file
	Reason       string
	Since        time.Time
	EndsAt       time.Time
	By           audit.Actor // kind, id and name
	Admin        bool        // granted by an administrator
	RequestID    string      // of the request that it answers, or ""
	EndedAt      time.Time   // when somebody ended it early, or zero
	EndedBy      audit.Actor // kind, id and name
	Covers       int         // number of files
}

// InForce reports whether the exemption has not ended.
func (e Exemption) InForce(now time.Time) bool { return e.EndedAt.IsZero() && now.Before(e.EndsAt) }

// State is the state of a Request.
type State string

// These are the states.
const (
	Open    State = "open"
	Granted State = "granted"
	Refused State = "refused"
)

// Request is a reader's request for an exemption.
type Request struct {
	ID           string
	RepositoryID string
	Repository   string // its name
	Project      string // normalized name
	Version      string // normalized version, "" for every one
	Filename     string // "" for every file
	Reason       string
	At           time.Time
	By           audit.Actor // kind, id and name
	State        State
	DecidedAt    time.Time
	DecidedBy    audit.Actor // kind, id and name
	Answer       string      // to a refused request
	ExemptionID  string      // of a granted one
}

// Target returns what the request is about, as people write it.
func (r Request) Target() string { return targetText(r.Project, r.Version, r.Filename) }

// Target returns what the exemption is for, as people write it.
func (e Exemption) Target() string { return targetText(e.Project, e.Version, e.Filename) }

// Target returns what the ruling is about, as people write it, or "" if it is about content of any project.
func (r Ruling) Target() string { return targetText(r.Project, r.Version, r.Filename) }

func targetText(project, version, filename string) string {
	switch {
	case filename != "":
		return filename
	case version != "":
		return project + "==" + version
	}
	return project
}

// Content is a file of an exemption.
type Content struct{ Filename, SHA256 string }

// RulingRows are the rows that decide about one upload.
type RulingRows interface {
	// FileRulingsAbout returns the rulings about a project, and those about content of any project with a digest.
	FileRulingsAbout(ctx context.Context, project, sha256 string) ([]Ruling, error)
}

// Rows are the rows of this package.
type Rows interface {
	RulingRows
	// RulingsRevision returns the serial of the last change to what is in force, or 0.
	RulingsRevision(ctx context.Context) (int64, error)
	SetRulingsRevision(ctx context.Context, serial int64) error

	// FileRulings returns all rulings, oldest first.
	FileRulings(ctx context.Context) ([]Ruling, error)
	InsertFileRuling(ctx context.Context, r Ruling) error
	// DeleteFileRuling deletes and returns a ruling, or returns fault.NotFound.
	DeleteFileRuling(ctx context.Context, id string) (Ruling, error)

	// PutReturn adds a decision, or replaces that about the same project and upstream.
	PutReturn(ctx context.Context, r Return) error
	Returns(ctx context.Context) ([]Return, error) // newest first

	// InsertExemption adds an exemption with its files.
	InsertExemption(ctx context.Context, e Exemption, files []Content) error
	Exemption(ctx context.Context, id string) (Exemption, error)
	// EndExemption ends an exemption that is in force at a time, and reports whether it did.
	EndExemption(ctx context.Context, id string, at time.Time, by audit.Actor) (bool, error)
	// Exemptions returns the exemptions of a repository, or of all if the id is "", newest first, at most limit.
	Exemptions(ctx context.Context, repositoryID string, limit int) ([]Exemption, error)
	// ExemptionsInForce returns the exemptions in force at a time, oldest first.
	ExemptionsInForce(ctx context.Context, at time.Time) ([]Exemption, error)
	ExemptionFiles(ctx context.Context, id string) ([]Content, error) // by name

	InsertRequest(ctx context.Context, r Request) error
	Request(ctx context.Context, id string) (Request, error)
	// DecideRequest writes the decision about an open request, and reports false if it is no longer open.
	DecideRequest(ctx context.Context, r Request) (bool, error)
	// Requests returns the requests in a repository, or in all if the id is "", newest first, at most limit. Open ones
	// come first.
	Requests(ctx context.Context, repositoryID string, limit int) ([]Request, error)
	// OpenRequestsAbout returns the open requests about a project in a repository, newest first, at most limit.
	OpenRequestsAbout(ctx context.Context, repositoryID, project string, limit int) ([]Request, error)
	// CountOpenRequests returns the number of open requests by the id of their repository.
	CountOpenRequests(ctx context.Context) (map[string]int, error)
	// RequestsBy returns the requests of a person, newest first, at most limit. Open ones come first.
	RequestsBy(ctx context.Context, by audit.Actor, limit int) ([]Request, error)
}

// Tx is the set of rows that Holds needs in a transaction.
type Tx interface {
	access.StandingRows
	audit.Rows
	Rows
	// NextSerial increments the serial of the index and returns it.
	NextSerial(ctx context.Context) (int64, error)
	RepositoryByName(ctx context.Context, name string) (catalog.Repository, error)
	Repositories(ctx context.Context) ([]catalog.Repository, error)
	ProjectByID(ctx context.Context, id string) (catalog.Project, error)
	ProjectByName(ctx context.Context, repositoryID string, name packaging.ProjectName) (catalog.Project, error)
}

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Stamp(ctx context.Context) (memo.Stamp, error)
}
