package files

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/custody"
)

// Key identifies a file of an upstream: by the part of its URL on this index below packages/ and the upstream's name.
type Key struct{ Upstream, Path string }

// Sibling is what is kept beside a file: its metadata or its provenance document. SHA256 is "" if it was never read.
type Sibling struct {
	SHA256     string
	Size       int64
	Generation string
	Stored     bool
}

// Row is a file that was asked for. It remains when its content is evicted.
type Row struct {
	Key
	Project  string // normalized
	Filename string
	// SHA256 is the digest that content of this file must have, now and later. It is "" while no digest is known.
	SHA256 string
	// Found is set if SHA256 is not what the upstream stated first: this index computed it because the upstream stated
	// none, or an administrator accepted it.
	Found      bool
	Size       int64 // in bytes, -1 if unknown
	Generation string
	Stored     bool // the content is in the store, unless it got lost there

	Metadata     Sibling
	Provenance   Sibling
	ProvenanceAt time.Time // when the document was read

	// BlockedUntil is set after the upstream sent other content: until then it is not asked again.
	BlockedUntil time.Time
	// Changed is a digest that the upstream stated, or whose content it sent, instead of SHA256.
	Changed string
	// Startup is what was found when the content was examined for start-up files, "" if it was not.
	Startup string
	FirstAt time.Time
	UsedAt  time.Time // last use, at most a minute old
}

// stored identifies the content for package custody.
func (r Row) stored() custody.Stored {
	return custody.Stored{SHA256: r.SHA256, Generation: r.Generation, Size: r.Size}
}

// stored identifies the content for package custody.
func (s Sibling) stored() custody.Stored {
	return custody.Stored{SHA256: s.SHA256, Generation: s.Generation, Size: s.Size, Metadata: true}
}

// Usage is the content that is kept of an upstream, without content that files of this index have too.
type Usage struct {
	Upstream string
	Files    int64
	Bytes    int64 // of files, metadata and provenance documents
}

// Tx is a transaction with the rows of this package.
type Tx interface {
	access.StandingRows
	audit.Rows
	// ReleaseBlob is that of custody.Tx. The row that references the key is put before.
	ReleaseBlob(ctx context.Context, key string, held bool) (drop bool, err error)
	// Leased is that of custody.Tx.
	Leased(ctx context.Context) (custody.Lease, bool, error)
	// UpstreamFile returns the row of a file, or fault.NotFound.
	UpstreamFile(ctx context.Context, k Key) (Row, error)
	// PutUpstreamFile inserts or replaces a row. The first FirstAt stays.
	PutUpstreamFile(ctx context.Context, r Row) error
	// FoundUpstreamFiles returns the rows of a project's files whose digests were found, ordered by path.
	FoundUpstreamFiles(ctx context.Context, upstream, project string) ([]Row, error)
	// ExaminedUpstreamFiles returns the rows of a project's files that have Startup, ordered by path.
	ExaminedUpstreamFiles(ctx context.Context, upstream, project string) ([]Row, error)
	// NotedUpstreamProjects returns the names of the projects of an upstream with a row that FoundUpstreamFiles or
	// ExaminedUpstreamFiles returns.
	NotedUpstreamProjects(ctx context.Context, upstream string) ([]string, error)
	// NextSerial is that of access.Serials.
	NextSerial(ctx context.Context) (int64, error)
	// StoredUpstreamFile returns a file of any upstream whose content is stored and has a digest, or fault.NotFound.
	StoredUpstreamFile(ctx context.Context, sha256 string) (Row, error)
	// UseUpstreamFile records the last use of a file, unless a later one is recorded.
	UseUpstreamFile(ctx context.Context, k Key, at time.Time) error
	// IdleUpstreamFiles returns at most limit files that have stored content and were last used before a time, least
	// recently used first, without those whose content a file of this index has too. upstream is "" for all.
	IdleUpstreamFiles(ctx context.Context, upstream string, before time.Time, limit int) ([]Row, error)
	// UpstreamUsage returns what is stored. Content that several files share counts once.
	UpstreamUsage(ctx context.Context) ([]Usage, error)
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
