package advisory

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/memo"
)

// FeedRow is a feed with the state of its records.
type FeedRow struct {
	Feed
	// Revision is that of the records that count: a row counts if Since ≤ Revision and Until is 0 or > Revision. It
	// increases with each import that changes something.
	Revision  int64
	Records   int64 // that count; one for each record and project
	Malicious int64 // of them, that are about malicious releases
	// Broken is the number of records of the last reading that could not be read, and BrokenNames names some of them.
	Broken      int64
	BrokenNames []string
	From        string    // where the records came from, for people
	Newest      time.Time // the latest time at which a record was modified
	ImportedAt  time.Time // when the records changed last
	CheckedAt   time.Time // when the feed was last read, or said that it has not changed
	// TriedAt is when the server last tried to read it, Failures how often in a row that failed, and Problem why.
	TriedAt            time.Time
	Failures           int64
	Problem            string
	ETag, LastModified string
	CreatedAt          time.Time
	HeldUntil          time.Time // the end of the lease of a running import
}

// Row is what one record of a feed states about one project.
type Row struct {
	Feed, Name, ID string
	Since, Until   int64
	Digest         string // of the record before it is packed
	Malware        bool
	Record         []byte // packed
}

// Entry is a row without its content.
type Entry struct {
	Name, ID     string
	Since, Until int64
	Digest       string
	Malware      bool
}

// Rows are the rows of feeds and their records.
type Rows interface {
	// Feeds returns all feeds, by name.
	Feeds(ctx context.Context) ([]FeedRow, error)
	InsertFeed(ctx context.Context, f FeedRow) error // fault.Conflict if the name is taken
	UpdateFeed(ctx context.Context, f FeedRow) error // fault.NotFound if there is none; leaves the lease as it is
	DeleteFeed(ctx context.Context, name string) error
	// LeaseFeed takes or renews the lease of a feed, and reports whether the holder has it now. EndFeedLease gives it up.
	LeaseFeed(ctx context.Context, name, holder string, now, until time.Time) (bool, error)
	EndFeedLease(ctx context.Context, name, holder string) error

	// AdvisoryEntries returns the rows of a feed after the given one, in the order of name, id and Since.
	AdvisoryEntries(ctx context.Context, feed string, after Entry, limit int) ([]Entry, error)
	InsertAdvisories(ctx context.Context, all []Row) error
	// EndAdvisories sets Until of the rows with these names and ids that have not ended.
	EndAdvisories(ctx context.Context, feed string, all []Entry, until int64) error
	// TidyAdvisories deletes, from one row to another, the rows that do not count in a revision, and lets those that end
	// later not end. It returns the number of rows that it changed.
	TidyAdvisories(ctx context.Context, feed string, from, to Entry, revision int64) (int64, error)
	// DeleteAdvisories deletes at most limit rows of a feed and returns their number.
	DeleteAdvisories(ctx context.Context, feed string, limit int) (int64, error)

	// AdvisoriesAbout returns the rows about a project that count now, by feed and id.
	AdvisoriesAbout(ctx context.Context, name string) ([]Row, error)
	// AdvisoriesOf returns the rows of a record that count now, by feed and name.
	AdvisoriesOf(ctx context.Context, id string) ([]Row, error)
	// AffectedFiles returns the files of upstreams that callers asked for, of projects that a record is about.
	AffectedFiles(ctx context.Context, limit int) ([]UpstreamFile, error)
}

// UpstreamFile is a file of an upstream that a caller asked for.
type UpstreamFile struct {
	Upstream, Project, Filename, SHA256 string
	Stored                              bool // its content is kept here
	UsedAt                              time.Time
}

// Tx is the set of rows that Advisories needs in a transaction.
type Tx interface {
	access.StandingRows
	audit.Rows
	Rows
	// NextSerial increments the serial of the index and returns it.
	NextSerial(ctx context.Context) (int64, error)
}

// Store runs transactions over the rows; see access.Store for the semantics of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	Stamp(ctx context.Context) (memo.Stamp, error)
	// Aside is Update for rows that only this package writes. It does not wait for those who change the index.
	Aside(ctx context.Context, f func(Tx) error) error
}
