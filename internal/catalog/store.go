package catalog

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/custody"
	"pyindex/internal/memo"
)

// Tx is what the rules of this package need of a transaction.
type Tx interface {
	RepositoryRows
	ProjectRows
	NameRows
	ReleaseRows
	FileRows
	ManagedRows
	AttestationRows
	MemberRows
	SearchRows
	UsageRows
	custody.Tx
	audit.Rows
	access.Serials
	access.GrantRows
	access.GroupRows
	access.UserRows
	access.StandingRows
	PublisherRows
	// DeletePendingFor removes pending publishers for a project name that came to exist, except those of the user, and
	// returns their ids.
	DeletePendingFor(ctx context.Context, repositoryID, project, exceptUserID string) ([]string, error)
}

// PublisherRows says what is kept about uploads by trusted publishers.
type PublisherRows interface {
	// PublishedFiles returns the newest files of a project that trusted publishers uploaded, newest first, at most limit.
	PublishedFiles(ctx context.Context, projectID string, limit int) ([]PublishedFile, error)
}

// PublishedFile says which minted token uploaded a file, and for which workload.
type PublishedFile struct {
	TokenID string
	Claims  map[string]any // verified
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	// Stamp returns the state that the index is in, to keep under it what is read afterwards; see memo.Stamp. It is as fresh
	// as Serial and costs the same.
	Stamp(ctx context.Context) (memo.Stamp, error)
	Serial(ctx context.Context) (int64, error)
}
