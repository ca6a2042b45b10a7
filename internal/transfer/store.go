package transfer

import (
	"context"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

// Import is an import into a repository. The same kind and source again continue it.
type Import struct {
	ID                    string
	Kind, Source          string
	RepositoryID          string
	Options, Summary      string // JSON
	By                    audit.Actor
	StartedAt, FinishedAt time.Time // of the last run; FinishedAt is zero while it runs, or if it was interrupted
}

// Tx is a transaction with the rows of this package.
type Tx interface {
	catalog.Tx
	FileRulings(ctx context.Context) ([]holds.Ruling, error) // see holds.Rows

	// PutImport adds an import, or replaces all but its source and repository.
	PutImport(ctx context.Context, i Import) error
	// ImportOf returns the import of a source into a repository, or fault.NotFound.
	ImportOf(ctx context.Context, repositoryID, kind, source string) (Import, error)
	Imports(ctx context.Context) ([]Import, error) // the last one started last
	// ImportOutcomes returns at most limit outcomes of files of an import, by place, after the given one.
	ImportOutcomes(ctx context.Context, importID, after string, limit int) ([]ingest.Outcome, error)
	ImportedStatus(ctx context.Context, importID string, name packaging.ProjectName) (catalog.Status, string, error)
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
