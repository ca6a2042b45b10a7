package publishers

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// Tx is a transaction over the rows of publishers, readers and exchanges, and of the catalog, because an exchange may
// create a project. Reads of one row return fault.NotFound if there is none.
type Tx interface {
	catalog.Tx
	access.HolderRows

	// Publishers, and the links to their projects.

	// PutPublisher adds p or returns the one that has the same issuer, provider, fields and owner id.
	PutPublisher(ctx context.Context, p Publisher) (Publisher, error)
	PublisherByID(ctx context.Context, id string) (Publisher, error)
	// PublishersFor returns the publishers of an issuer with this provider and lookup key, oldest first.
	PublishersFor(ctx context.Context, issuer, provider, lookup string) ([]Publisher, error)
	// PinPublisher sets the owner id if none is set and reports whether it did. It does nothing if the same rule exists
	// for that owner already.
	PinPublisher(ctx context.Context, id, ownerID string) (bool, error)
	// Attach links a publisher to a project, or returns fault.Conflict if it is linked already.
	Attach(ctx context.Context, a Attached) error
	// Detach unlinks it, removes the publisher when no project uses it, and reports whether there was a link.
	Detach(ctx context.Context, publisherID, projectID string) (bool, error)
	// AttachedTo returns the links of one publisher, or of one project, or all, by project and time.
	AttachedTo(ctx context.Context, publisherID, projectID string) ([]Attached, error)

	// Pending publishers, listed oldest first.

	// InsertPending adds p, or returns fault.Conflict if the same publisher is pending for the same project.
	InsertPending(ctx context.Context, p Pending) error
	PendingFor(ctx context.Context, issuer, provider, lookup string) ([]Pending, error)
	PendingAll(ctx context.Context) ([]Pending, error)
	DeletePending(ctx context.Context, id string) (bool, error)
	// DeletePendingExpiredBefore removes those that expired before t and returns them.
	DeletePendingExpiredBefore(ctx context.Context, t time.Time) ([]Pending, error)

	// Identity tokens that were used, and the record of exchanges.

	// ClaimJTI takes a token id for an issuer, to be remembered until the time given. It returns fault.Conflict if it was
	// taken, also by a transaction that is running at the same time.
	ClaimJTI(ctx context.Context, issuer, jti string, until time.Time) error
	// DeleteJTIExpiredBefore forgets token ids whose time has passed.
	DeleteJTIExpiredBefore(ctx context.Context, t time.Time) error
	// Exchanges returns recorded exchanges, newest first.
	Exchanges(ctx context.Context, f ExchangeFilter) ([]audit.Entry, error)
	// DeleteExchangesBefore forgets exchanges that were recorded before t, and nothing else of the record: at most limit
	// of them, the oldest. It returns how many there were.
	DeleteExchangesBefore(ctx context.Context, t time.Time, limit int) (int64, error)

	// Readers.

	// InsertReader adds r with its projects, or returns fault.Conflict if the id is taken.
	InsertReader(ctx context.Context, r Reader) error
	ReaderByID(ctx context.Context, id string) (Reader, error)
	// ReadersFor returns the readers of an issuer with this provider and lookup key, oldest first.
	ReadersFor(ctx context.Context, issuer, provider, lookup string) ([]Reader, error)
	// ReadersAll returns all readers, oldest first.
	ReadersAll(ctx context.Context) ([]Reader, error)
	// PinReader sets the owner id if none is set and reports whether it did.
	PinReader(ctx context.Context, id, ownerID string) (bool, error)
	// DeleteReader removes it with the bindings of its tokens, and reports whether there was one.
	DeleteReader(ctx context.Context, id string) (bool, error)
}

// ExchangeFilter selects recorded exchanges; an empty field matches any.
type ExchangeFilter struct {
	RepositoryID string
	Project      string    // normal name
	Subject      string    // id of the publisher or pending one that is nearest, or of the minted token
	Since        time.Time // inclusive
	Limit        int
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Serial(ctx context.Context) (int64, error)
}
