package ingest

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
)

// Tx is a transaction with the rows of this package.
type Tx interface {
	catalog.Tx
	holds.RulingRows

	// SpendToken marks a single-use token as used, and reports whether it was unused. Of concurrent transactions, one gets
	// true.
	SpendToken(ctx context.Context, id string, at time.Time) (bool, error)
	// TokenSpent reports whether a token was used, or returns fault.NotFound.
	TokenSpent(ctx context.Context, id string) (bool, error)

	// HasPublishers reports whether a project has any publisher.
	HasPublishers(ctx context.Context, projectID string) (bool, error)
	// NoteBeside records that an API token uploaded to a project with publishers, and reports whether this is the first
	// time.
	NoteBeside(ctx context.Context, tokenID, projectID string, at time.Time) (bool, error)

	// InsertAttestation adds an attestation to a file, with which it is deleted. It returns fault.Conflict if the file has
	// one with that predicate.
	InsertAttestation(ctx context.Context, fileID string, a catalog.Attestation) error
	// HasStartup reports whether a file of a project that is not in quarantine, nor a legacy file, has start-up files. Of
	// files that were uploaded before start-up files were recorded, it judges by the names of their members.
	HasStartup(ctx context.Context, projectID string) (bool, error)
	// InsertMembers stores the names of an archive's members. They are deleted with their file.
	InsertMembers(ctx context.Context, fileID string, m catalog.Members) error

	// InsertImported records the origin of an imported file. It is deleted with the file.
	InsertImported(ctx context.Context, o catalog.Imported) error
	// SetImportedYank records the yank of an imported file as its source states it now.
	SetImportedYank(ctx context.Context, fileID string, yanked bool, reason string) error
	// PutDownloadBase adds or replaces the downloads of a project in the index that it came from.
	PutDownloadBase(ctx context.Context, b catalog.DownloadBase) error
	// PutImportOutcomes adds or replaces the outcomes of files of an import, by their places.
	PutImportOutcomes(ctx context.Context, importID string, all []Outcome, at time.Time) error
	// ImportedStatus returns the status of a project as the source of an import last stated it, or "".
	ImportedStatus(ctx context.Context, importID string, name packaging.ProjectName) (catalog.Status, string, error)
	// PutImportedStatus records the status of a project as the source of an import states it now.
	PutImportedStatus(ctx context.Context, importID string, name packaging.ProjectName, s catalog.Status,
		reason string) error
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
