package publishers

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// Tx is a transaction over the rows of publishers, readers and exchanges. It includes the catalog, because an exchange
// may create a project. Reads of one row return fault.NotFound if there is none.
type Tx interface {
	catalog.Tx
	access.HolderRows

	// Publishers, and the links to their projects.

	// PutPublisher adds p, or returns the existing row with the same issuer, provider, fields and owner id.
	PutPublisher(ctx context.Context, p Publisher) (Publisher, error)
	PublisherByID(ctx context.Context, id string) (Publisher, error)
	// PublishersFor returns the publishers of an issuer with one of the keys, at least one, oldest first.
	PublishersFor(ctx context.Context, issuer string, keys ...Key) ([]Publisher, error)
	// PublishersPinnedTo returns publishers under other lookup keys that may be pinned to ids of a workload, oldest first.
	// The caller must compare the ids, because the filter is not exact.
	PublishersPinnedTo(ctx context.Context, f PinFilter) ([]Publisher, error)
	// PinPublisher sets the owner id if none is set and reports whether it did. It does nothing if a publisher with the
	// same rule exists for that owner already.
	PinPublisher(ctx context.Context, id, ownerID string) (bool, error)
	// Attach links a publisher to a project, or returns fault.Conflict if it is linked already.
	Attach(ctx context.Context, a Attached) error
	// Detach unlinks a publisher, deletes it if no project or repository uses it, and reports whether there was a link.
	Detach(ctx context.Context, publisherID, projectID string) (bool, error)
	// AttachedTo returns the links of a publisher to a project, by project and time. An empty id matches any.
	AttachedTo(ctx context.Context, publisherID, projectID string) ([]Attached, error)

	// Publishers of repositories.

	// InsertRepositoryPublisher adds r, or returns fault.Conflict if the repository has the publisher for the prefix
	// already.
	InsertRepositoryPublisher(ctx context.Context, r RepositoryPublisher) error
	// DeleteRepositoryPublisher deletes the row with an id and the bindings of its tokens, and the publisher if no project
	// or repository uses it. It reports whether there was such a row.
	DeleteRepositoryPublisher(ctx context.Context, id string) (bool, error)
	// RepositoryPublishers returns the rows of a publisher in a repository, by repository, prefix and time. An empty id
	// matches any.
	RepositoryPublishers(ctx context.Context, publisherID, repositoryID string) ([]RepositoryPublisher, error)
	// CoveredProjects returns the number of projects of a repository that a prefix covers.
	CoveredProjects(ctx context.Context, repositoryID string, prefix packaging.NamePrefix) (int, error)

	// Pending publishers, listed oldest first.

	// InsertPending adds p, or returns fault.Conflict if the same publisher is pending for the same project.
	InsertPending(ctx context.Context, p Pending) error
	PendingFor(ctx context.Context, issuer string, keys ...Key) ([]Pending, error)
	// PendingPinnedTo is PublishersPinnedTo for pending publishers.
	PendingPinnedTo(ctx context.Context, f PinFilter) ([]Pending, error)
	PendingAll(ctx context.Context) ([]Pending, error)
	DeletePending(ctx context.Context, id string) (bool, error)
	// DeletePendingExpiredBefore deletes the pending publishers that expired before t and returns them.
	DeletePendingExpiredBefore(ctx context.Context, t time.Time) ([]Pending, error)

	// Used identity tokens, and recorded exchanges.

	// ClaimJTI marks a token id of an issuer as used until the given time. It returns fault.Conflict if the id is used
	// already, also by a concurrent transaction.
	ClaimJTI(ctx context.Context, issuer, jti string, until time.Time) error
	// LastRestore returns when a backup was restored the last time, or the zero time. The ids of tokens that were used
	// between the backup and then are unknown.
	LastRestore(ctx context.Context) (time.Time, error)
	// DeleteJTIExpiredBefore deletes token ids whose time has passed.
	DeleteJTIExpiredBefore(ctx context.Context, t time.Time) error
	// Exchanges returns recorded exchanges, newest first.
	Exchanges(ctx context.Context, f ExchangeFilter) ([]audit.Entry, error)
	// TokensGranted returns the ids of the minted tokens of a publisher's recorded exchanges for a project.
	TokensGranted(ctx context.Context, repositoryID, project, publisherID string) ([]string, error)
	// PublisherChanges returns the entries of the audit log in which a publisher was added to a project or removed from
	// it, newest first, at most limit. An empty repository or project matches any.
	PublisherChanges(ctx context.Context, repositoryID, project, publisherID string, limit int) ([]audit.Entry, error)
	// DeleteExchangesBefore deletes at most limit exchanges recorded before t, oldest first, and returns their number.
	// It deletes no other entries of the audit log.
	DeleteExchangesBefore(ctx context.Context, t time.Time, limit int) (int64, error)

	// The server.

	// Serving returns what the server last started with, or fault.NotFound.
	Serving(ctx context.Context) (Serving, error)
	// PutServing replaces it.
	PutServing(ctx context.Context, s Serving, at time.Time) error

	// Readers.

	// InsertReader adds r with its projects, or returns fault.Conflict if the id is taken.
	InsertReader(ctx context.Context, r Reader) error
	ReaderByID(ctx context.Context, id string) (Reader, error)
	// ReadersFor returns the readers of an issuer with one of the keys, at least one, oldest first.
	ReadersFor(ctx context.Context, issuer string, keys ...Key) ([]Reader, error)
	// ReadersPinnedTo is PublishersPinnedTo for readers.
	ReadersPinnedTo(ctx context.Context, f PinFilter) ([]Reader, error)
	// ReadersAll returns all readers, oldest first.
	ReadersAll(ctx context.Context) ([]Reader, error)
	// PinReader sets the owner id if none is set and reports whether it did.
	PinReader(ctx context.Context, id, ownerID string) (bool, error)
	// DeleteReader deletes a reader and the bindings of its tokens, and reports whether it existed.
	DeleteReader(ctx context.Context, id string) (bool, error)
}

// Key is the kind of a rule and the key under which rules for a workload are found; see workload.Rule.
type Key struct{ Provider, Lookup string }

// PinFilter selects rules by the ids that they are pinned to.
type PinFilter struct {
	Issuer, Provider string
	Except           string // the lookup key under which rules were found already
	workload.PinnedIDs
	Limit int
}

// ExchangeFilter selects recorded exchanges; an empty field matches any.
type ExchangeFilter struct {
	RepositoryID string
	Project      string    // normal name
	Whole        bool      // only those of no single project: of names of a repository, or a whole repository
	Subject      string    // id of the nearest publisher or pending publisher, or of the minted token
	Rule         string    // id of the granting publisher or reader
	Since        time.Time // inclusive
	Before       audit.Cursor
	Limit        int
}

// Store runs transactions over the rows; see access.Store for the semantics of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Serial(ctx context.Context) (int64, error)
}
