package pages

import (
	"context"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

// Key identifies a page. The zero Name stands for the upstream's list of projects.
type Key struct {
	Upstream string
	Name     packaging.ProjectName
}

// Row is a page as it is stored.
type Row struct {
	Key
	Revision   string // digest of the content
	OfURL      int64  // upstream.Upstream.Revision when it was read
	Record     []byte // of package page
	Validators upstream.Validators
	Serial     string
	URL        string // that answered, after redirects
	Absent     bool   // the upstream has no such project; Record then has the files that it once had
	FetchedAt  time.Time
	CheckedAt  time.Time // when the upstream last answered about it
	LowerSince time.Time // since when the upstream has stated a lower serial; zero if it does not
}

// Head is a stored page without its content.
type Head struct {
	Name     packaging.ProjectName
	Revision string // see Row
	OfURL    int64
}

// Left is what is remembered of files that left the page of a project, which the page's row has as well. It remains if
// that row is lost.
type Left struct {
	Key
	OfURL  int64  // of the row
	Record []byte // of package page: Gone, Away and Returned; nil if there is nothing to remember
	At     time.Time
}

// List is the list of an upstream's projects as it is stored.
type List struct {
	Upstream   string
	OfURL      int64
	Hashes     []byte // page.Names
	Names      int
	Validators upstream.Validators
	FetchedAt  time.Time
	CheckedAt  time.Time // of the last attempt
	Problem    string    // of the last attempt, "" if it succeeded
}

// Store runs transactions on the rows of upstreams.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	// Update does not wait for those who change the index, unless the database has one writer only.
	Update(ctx context.Context, f func(Tx) error) error
}

// Tx is a transaction on the rows of upstreams. None of its methods moves the serial.
type Tx interface {
	InsertAudit(ctx context.Context, e audit.Entry) error

	// UpstreamPage returns the row of a page if it was checked after a time, else fault.NotFound.
	UpstreamPage(ctx context.Context, k Key, after time.Time) (Row, error)
	// UpstreamPageHeads returns the stored pages of an upstream without their content, of projects whose names come after
	// a text, by name, at most limit.
	UpstreamPageHeads(ctx context.Context, upstream, after string, limit int) ([]Head, error)
	// UpstreamPageChecked reports whether a page was checked after a time.
	UpstreamPageChecked(ctx context.Context, k Key, after time.Time) (bool, error)
	// PutUpstreamPage stores a row unless the stored one was checked later.
	PutUpstreamPage(ctx context.Context, r Row) error
	// RenewUpstreamPage stores the fields of a row but the record, if the stored one has the same revision and was not
	// checked later.
	RenewUpstreamPage(ctx context.Context, r Row) error
	// DeleteUpstreamPages deletes pages that were last checked before a time, up to limit, and returns their number. A
	// page that is used is checked when its TTL has passed. It keeps the pages of projects whose files were downloaded:
	// what is known of them decides whether a file is new.
	DeleteUpstreamPages(ctx context.Context, before time.Time, limit int) (int64, error)
	// CountUpstreamPages returns the number of pages of each upstream.
	CountUpstreamPages(ctx context.Context) (map[string]int, error)

	// UpstreamLeft returns what is remembered of files that left a page, or fault.NotFound.
	UpstreamLeft(ctx context.Context, k Key) (Left, error)
	// PutUpstreamLeft stores what is remembered, or deletes it if there is nothing, unless what is stored is newer.
	PutUpstreamLeft(ctx context.Context, l Left) error

	// LeaseUpstream takes or renews the lease of a page until a time. It returns false if another holder has it now.
	LeaseUpstream(ctx context.Context, k Key, holder string, now, until time.Time) (bool, error)
	// UpstreamLeaseFree reports whether nobody has the lease of a page now.
	UpstreamLeaseFree(ctx context.Context, k Key, now time.Time) (bool, error)
	EndUpstreamLease(ctx context.Context, k Key, holder string) error
	// DeleteUpstreamLeases deletes leases that ended before a time.
	DeleteUpstreamLeases(ctx context.Context, before time.Time) error

	// UpstreamLists returns all lists without their hashes.
	UpstreamLists(ctx context.Context) ([]List, error)
	// UpstreamList returns the list of an upstream, or fault.NotFound.
	UpstreamList(ctx context.Context, name string) (List, error)
	// PutUpstreamList stores a list. With nil Hashes it keeps the stored ones with their number and FetchedAt.
	PutUpstreamList(ctx context.Context, l List) error
}
