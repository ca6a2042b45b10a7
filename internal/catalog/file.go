package catalog

import (
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// Uploader identifies the caller of an upload, with names and claims as of the upload.
type Uploader struct {
	Kind    string         `json:"kind"` // an access.Kind
	ID      string         `json:"id,omitempty"`
	Name    string         `json:"name,omitempty"`
	TokenID string         `json:"token_id,omitempty"`
	Claims  map[string]any `json:"claims,omitempty"`
}

// File is one distribution. Only its yank and quarantine fields ever change.
type File struct {
	ID             string
	RepositoryID   string
	ProjectID      string
	ReleaseID      string
	Filename       string
	NameKey        string // packaging.Filename.Key: unique in a repository, including deleted files
	Kind           packaging.Kind
	Version        string // the release's
	PythonVersion  string // the form's pyversion: "py3", "cp311", "source"
	Size           int64  // bytes
	MD5            string // lower-case hex, like the other digests
	SHA256         string
	Blake2b256     string
	MetadataSHA256 string // of the ".metadata" sibling, "" if there is none

	// Generation and MetadataGeneration are those of the stored content, "" for plain keys; see Key.
	Generation, MetadataGeneration string

	RequiresPython string
	Comment        string
	Yanked         bool
	YankedReason   string
	UploadedAt     time.Time // whole microseconds, UTC
	Uploader       Uploader
	Attested       bool // has a verified attestation; see Provenance

	// QuarantinedAt is when an administrator quarantined the file, which hides it everywhere; zero if it is available.
	QuarantinedAt    time.Time
	QuarantineReason string

	// Upstream is set for files of an upstream. They have no row here: only the fields that a page shows are set, Size is
	// -1 and UploadedAt zero if the upstream does not state them.
	Upstream *UpstreamFile
	// Decision is set for a file that is not served to those who read it through the repository that was asked, and for
	// one that would not be if its repositories did not observe; see package policy. Such a file that is listed is Yanked,
	// with the reason for people as YankedReason.
	Decision *policy.Decision
}

// Held reports whether the file is held or denied.
func (f *File) Held() bool { return f.Decision != nil && f.Decision.Verdict != policy.Serve }

// Quarantined reports whether the file is in quarantine, so that it cannot be downloaded.
func (f File) Quarantined() bool { return !f.QuarantinedAt.IsZero() }

// Stored identifies the stored content of f.
func (f File) Stored() custody.Stored {
	return custody.Stored{SHA256: f.SHA256, Generation: f.Generation, Size: f.Size}
}

// StoredMetadata identifies the stored ".metadata" sibling of f, if it has one.
func (f File) StoredMetadata() custody.Stored {
	return custody.Stored{SHA256: f.MetadataSHA256, Generation: f.MetadataGeneration, Metadata: true}
}

// Key returns the storage key of f.
func (f File) Key() string { return f.Stored().Key() }

// MetadataKey returns the storage key of f's ".metadata" sibling, or "" if it has none.
func (f File) MetadataKey() string {
	if f.MetadataSHA256 == "" {
		return ""
	}
	return f.StoredMetadata().Key()
}

// AllStored identifies all stored content that f needs.
func (f File) AllStored() []custody.Stored {
	if f.MetadataSHA256 == "" {
		return []custody.Stored{f.Stored()}
	}
	return []custody.Stored{f.Stored(), f.StoredMetadata()}
}
