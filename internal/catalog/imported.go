package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
)

// UploaderImport is the kind of uploader of imported files. Their uploaders have no account here: the name is text,
// such as "imported: alice@devpi".
const UploaderImport = "import"

// Imported is what is known about a file that an import brought from another index.
type Imported struct {
	FileID   string
	ImportID string
	Source   string // kind and location, such as "devpi /srv/export"
	// TimeTrust says how well the upload time is known: "stated", "latest" (the upload was not later), "guessed", or "" if
	// the source had no time: it is then that of the import.
	TimeTrust    string
	Uploader     string // as the source named it, "" if it named none
	Legacy       bool   // accepted only because the import accepts legacy files; never a precedent
	DigestStated bool   // the content has the digest that the source stated

	// Yanked and YankedReason are as the source last stated them. The file's own fields decide.
	Yanked       bool
	YankedReason string
}

// DownloadBase is the number of downloads that a project had in the index that it came from.
type DownloadBase struct {
	ProjectID string
	Source    string
	CountedAt time.Time
	Downloads int64
}

// ImportRows reads what imports recorded.
type ImportRows interface {
	// ImportedFiles returns the imported files of a project by file id.
	ImportedFiles(ctx context.Context, projectID string) (map[string]Imported, error)
	// DownloadBaseOf returns the downloads of a project in the index that it came from, or fault.NotFound.
	DownloadBaseOf(ctx context.Context, projectID string) (DownloadBase, error)
}

// ImportedFiles returns what is known about the files of a project that imports brought, by file id. The caller must
// have read the project with the same rights.
func (x *Index) ImportedFiles(ctx context.Context, who access.Caller, p Project) (out map[string]Imported, err error) {
	if err := Permit(who, access.Reader, p); err != nil {
		return nil, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out, err = tx.ImportedFiles(ctx, p.ID)
		return err
	})
	return out, err
}
