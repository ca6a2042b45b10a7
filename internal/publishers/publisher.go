package publishers

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// Publisher is a rule that trusts workloads: those whose verified claims fit may upload to the projects it is attached to.
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

// Rows keeps publishers. Reads return fault.NotFound for none.
type Rows interface {
	// PutPublisher adds p or returns the one that has the same issuer, provider, fields and owner id.
	PutPublisher(ctx context.Context, p Publisher) (Publisher, error)
	PublisherByID(ctx context.Context, id string) (Publisher, error)
	// PublishersFor returns the publishers of an issuer with this provider and lookup key.
	PublishersFor(ctx context.Context, issuer, provider, lookup string) ([]Publisher, error)
	// PinPublisher sets the owner id where none is set and reports whether it did.
	PinPublisher(ctx context.Context, id, ownerID string) (bool, error)
	// Attach links a publisher to a project; fault.Conflict where it is linked already.
	Attach(ctx context.Context, a Attached) error
	// Detach unlinks it, removes the publisher when no project uses it, and reports whether there was a link.
	Detach(ctx context.Context, publisherID, projectID string) (bool, error)
	// AttachedTo returns the links of one publisher, or of one project, or all, by project and time.
	AttachedTo(ctx context.Context, publisherID, projectID string) ([]Attached, error)

	// InsertPending adds p; fault.Conflict where the same publisher is pending for the same project.
	InsertPending(ctx context.Context, p Pending) error
	PendingFor(ctx context.Context, issuer, provider, lookup string) ([]Pending, error)
	PendingAll(ctx context.Context) ([]Pending, error)
	DeletePending(ctx context.Context, id string) (bool, error)
	DeletePendingExpiredBefore(ctx context.Context, t time.Time) ([]Pending, error)

	// ClaimJTI takes a token id for an issuer, to be remembered until the time given; fault.Conflict where it was taken,
	// also by a transaction that is running at the same time.
	ClaimJTI(ctx context.Context, issuer, jti string, until time.Time) error
	// DeleteJTIExpiredBefore forgets token ids whose time has passed.
	DeleteJTIExpiredBefore(ctx context.Context, t time.Time) error

	// Exchanges returns recorded exchanges, newest first.
	Exchanges(ctx context.Context, f ExchangeFilter) ([]audit.Entry, error)
	// DeleteExchangesBefore forgets exchanges that were recorded before t, and nothing else of the record: at most limit of
	// them, the oldest. It returns how many there were.
	DeleteExchangesBefore(ctx context.Context, t time.Time, limit int) (int64, error)
}

// ExchangeFilter says which recorded exchanges are wanted; an empty field is any.
type ExchangeFilter struct {
	RepositoryID string
	Project      string    // normal name
	Subject      string    // id of the publisher or pending one that is nearest, or of the minted token
	Since        time.Time // inclusive
	Limit        int
}

// Tx is what the rules of this package need of a transaction: the catalog's too, because an exchange may make a project.
type Tx interface {
	catalog.Tx
	Rows
	ReaderRows
	access.TokenRows
	access.HolderRows
	UserByID(ctx context.Context, id string) (access.User, error)
	UserByName(ctx context.Context, name string) (access.User, error)
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Serial(ctx context.Context) (int64, error)
}

var _ audit.Rows = Tx(nil)
