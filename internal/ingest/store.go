package ingest

import (
	"context"
	"time"

	"pyindex/internal/catalog"
)

// Tx is what this package needs of a transaction.
type Tx interface {
	catalog.Tx

	// SpendToken uses up a single-use token, and reports whether nobody did before. Of transactions that run at the same
	// time one gets true.
	SpendToken(ctx context.Context, id string, at time.Time) (bool, error)
	// TokenSpent reports whether a token was used up; fault.NotFound for none.
	TokenSpent(ctx context.Context, id string) (bool, error)

	// HasPublishers reports whether any publisher is attached to a project.
	HasPublishers(ctx context.Context, projectID string) (bool, error)
	// NoteBeside notes that an API token uploaded to a project that has publishers, and reports whether it is the first
	// time.
	NoteBeside(ctx context.Context, tokenID, projectID string, at time.Time) (bool, error)

	// InsertAttestation adds a to a file; fault.Conflict if the file has one with that predicate. It goes with its file.
	InsertAttestation(ctx context.Context, fileID string, a catalog.Attestation) error
	// InsertMembers keeps the names of what is inside a file. They go with their file.
	InsertMembers(ctx context.Context, fileID string, m catalog.Members) error
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
