package catalog

import (
	"context"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/packaging"
)

// Uploader is who put a file into the index. Names and claims are as they were then.
type Uploader struct {
	Kind    string         `json:"kind"` // of access.Kind
	ID      string         `json:"id,omitempty"`
	Name    string         `json:"name,omitempty"`
	TokenID string         `json:"token_id,omitempty"`
	Claims  map[string]any `json:"claims,omitempty"`
}

// File is one distribution. All but the yank and the status never change.
type File struct {
	ID             string
	RepositoryID   string
	ProjectID      string
	ReleaseID      string
	Filename       string
	NameKey        string // packaging.Filename.Key: unique in a repository, also among deleted files
	Kind           packaging.Kind
	Version        string // the release's
	PythonVersion  string // the form's pyversion: "py3", "cp311", "source"
	Size           int64  // bytes
	MD5            string // lower-case hex, as the other digests
	SHA256         string
	Blake2b256     string
	MetadataSHA256 string // of the ".metadata" sibling, "" where there is none

	// Generation and MetadataGeneration are those of the stored bytes, "" for plain keys; see Key.
	Generation, MetadataGeneration string

	RequiresPython string
	Comment        string
	Yanked         bool
	YankedReason   string
	UploadedAt     time.Time // whole microseconds, UTC
	Uploader       Uploader
	Attested       bool // has a verified attestation, so that Provenance returns some

	// QuarantinedAt is when an administrator took the file out of every listing, the zero time for one that is offered.
	QuarantinedAt    time.Time
	QuarantineReason string
}

// Quarantined reports whether nobody may have the file for now.
func (f File) Quarantined() bool { return !f.QuarantinedAt.IsZero() }

// Stored names the stored bytes of f.
func (f File) Stored() custody.Stored {
	return custody.Stored{SHA256: f.SHA256, Generation: f.Generation, Size: f.Size}
}

// StoredMetadata names the stored bytes of f's ".metadata" sibling, if it has one.
func (f File) StoredMetadata() custody.Stored {
	return custody.Stored{SHA256: f.MetadataSHA256, Generation: f.MetadataGeneration, Metadata: true}
}

// Key names the stored bytes of f.
func (f File) Key() string { return f.Stored().Key() }

// MetadataKey names the stored bytes of f's ".metadata" sibling, and is "" if it has none.
func (f File) MetadataKey() string {
	if f.MetadataSHA256 == "" {
		return ""
	}
	return f.StoredMetadata().Key()
}

// AllStored names all bytes that f needs.
func (f File) AllStored() []custody.Stored {
	if f.MetadataSHA256 == "" {
		return []custody.Stored{f.Stored()}
	}
	return []custody.Stored{f.Stored(), f.StoredMetadata()}
}

// FileRows keeps files and the names of deleted ones. Reads return fault.NotFound for none.
type FileRows interface {
	// InsertFile adds f with its core metadata. fault.Conflict where NameKey or Filename is taken in the repository.
	InsertFile(ctx context.Context, f File, m packaging.Metadata) error
	DeleteFile(ctx context.Context, id string) error
	SetYank(ctx context.Context, fileID string, yanked bool, reason string) error
	FileByKey(ctx context.Context, repositoryID, nameKey string) (File, error)
	FileByName(ctx context.Context, repositoryID, filename string) (File, error)
	FilesBySHA256(ctx context.Context, repositoryID, sha256 string) ([]File, error)
	// Files returns a project's files by time of upload, oldest first, those in quarantine left out. Uploader is left zero:
	// pages do not need it.
	Files(ctx context.Context, projectID string) ([]File, error)
	// FilesOfRelease is Files for one release, with Uploader.
	FilesOfRelease(ctx context.Context, releaseID string) ([]File, error)
	// AllFiles and AllFilesOfRelease return those in quarantine too, with Uploader: for who deletes or manages them.
	AllFiles(ctx context.Context, projectID string) ([]File, error)
	AllFilesOfRelease(ctx context.Context, releaseID string) ([]File, error)
	// SetQuarantine puts a file into quarantine at a time, or takes it out for the zero time; fault.NotFound if it is gone.
	SetQuarantine(ctx context.Context, fileID string, at time.Time, reason string) error
	// Uploads returns files that somebody uploaded since a time, or that are in quarantine, newest first, at most limit.
	Uploads(ctx context.Context, f UploadFilter, limit int) ([]Uploaded, error)
	// CountUploads returns how many there are.
	CountUploads(ctx context.Context, f UploadFilter) (int, error)
	Metadata(ctx context.Context, fileID string) (packaging.Metadata, error)

	// InsertTombstone keeps the name of a deleted file for ever; adding one twice is fine.
	InsertTombstone(ctx context.Context, repositoryID, nameKey, filename string, at time.Time) error
	Tombstoned(ctx context.Context, repositoryID, nameKey string) (bool, error)
}
