package exported

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/holds"
	"pyindex/internal/publishers"
)

// Tx is a transaction with the rows that an export contains.
type Tx interface {
	publishers.Tx

	// AllReleases returns the releases of a project, oldest first, also those whose files are all in quarantine.
	AllReleases(ctx context.Context, projectID string) ([]catalog.Release, error)
	// FileRulings returns what administrators decided about files, oldest first.
	FileRulings(ctx context.Context) ([]holds.Ruling, error)
	// FileOrigins returns where the files of a project came from, by file id. Files that were uploaded are left out.
	FileOrigins(ctx context.Context, projectID string) (map[string]FileOrigin, error)
	// DownloadBase returns the downloads that a project had elsewhere, or fault.NotFound.
	DownloadBase(ctx context.Context, projectID string) (DownloadBase, error)
	// DownloadDays returns the download counts of a project by day and version.
	DownloadDays(ctx context.Context, projectID string) ([]Downloads, error)
	// TombstonesBetween returns at most limit names of deleted files of a repository whose key is after the first and
	// before the second one, by key.
	TombstonesBetween(ctx context.Context, repositoryID, after, before string, limit int) ([]Tombstone, error)
}

// FileOrigin is where an imported file came from.
type FileOrigin struct {
	ImportID     string
	Source       string
	TimeTrust    string
	Uploader     string
	Legacy       bool
	DigestStated bool
	// Facts is what an export of this program said about the uploader and an earlier import, as JSON; "" for files of
	// other sources.
	Facts string
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Serial(ctx context.Context) (int64, error)
}

// Content opens stored content.
type Content interface {
	// Find returns stored content and its size in bytes. It returns fault.NotFound if the content is missing or damaged.
	Find(ctx context.Context, s custody.Stored) (custody.Blob, int64, error)
}

// Progress is told how far an export is.
type Progress interface {
	Step(what, noun string, total int64)
	Add(objects, bytes int64)
}

// RestoreTx is a transaction with the rows that an import of an export completes.
type RestoreTx interface {
	Tx

	// InsertAttestation adds an attestation to a file. It returns fault.Conflict if the file has one with that predicate.
	InsertAttestation(ctx context.Context, fileID string, a catalog.Attestation) error
	// PutFileFacts replaces what is known about the origin of an imported file, except its source.
	PutFileFacts(ctx context.Context, fileID string, o FileOrigin) error
	// RestoreComment sets the comment of a file.
	RestoreComment(ctx context.Context, fileID, comment string) error
	// RestoreRepository sets the time when a repository was created, if it is earlier.
	RestoreRepository(ctx context.Context, id string, at time.Time) error
	// RestoreCreated sets the times when a project and its releases, by key, were created, if they are earlier.
	RestoreCreated(ctx context.Context, projectID string, at time.Time, releases map[string]time.Time) error
	// RestoreDownloads sets the downloads that a project had elsewhere, and adds those of days that have no count.
	RestoreDownloads(ctx context.Context, projectID string, base *DownloadBase, days []Downloads) error
}
