package catalog

import (
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
