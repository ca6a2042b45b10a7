package catalog

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
)

// Tx is what the rules of this package need of a transaction.
type Tx interface {
	RepositoryRows
	ProjectRows
	ReleaseRows
	FileRows
	BlobRows
	audit.Rows
	access.Serials
	access.GrantRows
	access.UserRows
	// DeletePendingFor removes pending publishers for a project name that came to exist, except those of the user, and
	// returns their ids.
	DeletePendingFor(ctx context.Context, repositoryID, project, exceptUserID string) ([]string, error)
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Serial(ctx context.Context) (int64, error)
}
