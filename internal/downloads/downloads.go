// Package downloads records who downloaded which file, of this index and of upstreams, by day. After a release turned
// out bad, administrators read from it who has to be told.
package downloads

import (
	"context"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Keep is how long the record is kept, as the counts of package catalog are.
const Keep = 400 * 24 * time.Hour

// maxPending limits the entries that wait to be written. Beyond it, new ones are not recorded until the next write.
const maxPending = 20_000

// File is a file that was downloaded. Upstream is "" for a file of this index. Repository is the one that was asked.
type File struct {
	Repository, Upstream, Project, Version, Filename, SHA256 string
}

// Reader is who downloaded a file, on one day. Kind and ID are those of access.Caller. Anonymous callers share one
// entry with an empty ID: nothing tells them apart.
type Reader struct {
	Kind, ID, Name string
	File
	Day         time.Time // its beginning, in UTC
	First, Last time.Time
	Count       int64
}

// Filter selects entries. Empty fields select all.
type Filter struct {
	Project, Version, SHA256 string
	Since                    time.Time // the last download is not before
	Limit                    int       // the largest number of entries, 0 for 10,000
}

// Period selects entries of files of upstreams whose first download on their day is not before Since.
type Period struct {
	Repository string // "" for every one
	Since      time.Time
}

// Project is a project of an upstream.
type Project struct{ Upstream, Name string }

// Tx is a transaction with the rows of this package.
type Tx interface {
	// AddReader adds to the entry of the same day, caller and file.
	AddReader(ctx context.Context, r Reader) error
	// Readers returns entries, the latest first.
	Readers(ctx context.Context, f Filter) ([]Reader, error)
	// DownloadedProjects returns the projects of upstreams that have entries of a period, in the order of project and
	// upstream after one, up to limit.
	DownloadedProjects(ctx context.Context, p Period, after Project, limit int) ([]Project, error)
	// EachReader calls f with the entries of a project, by version, file name and first download. f must not use the
	// transaction.
	EachReader(ctx context.Context, p Period, of Project, f func(Reader) error) error
	// RecordedSince returns the first download of a file of an upstream through a repository, "" being any, or the zero
	// time if none is recorded.
	RecordedSince(ctx context.Context, repository string) (time.Time, error)
	// DeleteReadersBefore deletes the entries of days before a time.
	DeleteReadersBefore(ctx context.Context, before time.Time) error
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

type key struct {
	day      time.Time
	kind, id string
	file     File
}

// Record is the record of one process, which Flush writes. It is safe for concurrent use.
type Record struct {
	store Store
	now   func() time.Time

	mu      sync.Mutex
	pending map[key]Reader
}

// New returns a record over rows. now is time.Now if nil.
func New(s Store, now func() time.Time) *Record {
	if now == nil {
		now = time.Now
	}
	return &Record{store: s, now: now, pending: map[key]Reader{}}
}

// Note records a download. Call it only for requests that read the beginning of a file. It does not wait for the
// database.
func (x *Record) Note(who access.Caller, f File) {
	if x == nil {
		return
	}
	at := x.now().UTC().Truncate(time.Microsecond)
	r := Reader{File: f, Day: at.Truncate(24 * time.Hour), First: at, Last: at, Count: 1}
	if who.Known() {
		r.Kind, r.ID, r.Name = string(who.Kind()), who.ID(), who.Name()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(r)
}

// add adds an entry to those that wait. The lock is held.
func (x *Record) add(r Reader) {
	k := key{r.Day, r.Kind, r.ID, r.File}
	was, ok := x.pending[k]
	if !ok {
		if len(x.pending) < maxPending {
			x.pending[k] = r
		}
		return
	}
	if r.First.Before(was.First) {
		was.First = r.First
	}
	if r.Last.After(was.Last) {
		was.Last, was.Name = r.Last, r.Name
	}
	was.Count += r.Count
	x.pending[k] = was
}

// Flush writes what was recorded since the last call. What cannot be written is kept for the next call.
func (x *Record) Flush(ctx context.Context) error {
	x.mu.Lock()
	pending := x.pending
	x.pending = map[key]Reader{}
	x.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := x.store.Update(ctx, func(tx Tx) error {
		for _, r := range pending {
			if err := tx.AddReader(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, r := range pending {
			x.add(r)
		}
	}
	return err
}

// Readers returns who downloaded files, the latest first, after it wrote what this process has recorded. It needs an
// administrator.
func (x *Record) Readers(ctx context.Context, who access.Caller, f Filter) (out []Reader, err error) {
	if err := x.ready(ctx, who); err != nil {
		return nil, err
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		out, err = tx.Readers(ctx, f)
		return err
	})
	return out, err
}

// maxProjects is the number of projects that Each reads at once.
const maxProjects = 500

// Each calls next for each project of an upstream that has entries of a period, by name, and then each with its
// entries, by version, file name and first download, unless next returned an error. each must not use the database. It
// needs an administrator, and writes what this process has recorded first.
func (x *Record) Each(ctx context.Context, who access.Caller, p Period, next func(Project) error,
	each func(Reader) error,
) error {
	if err := x.ready(ctx, who); err != nil {
		return err
	}
	var after Project
	for {
		var all []Project
		if err := x.store.View(ctx, func(tx Tx) (err error) {
			all, err = tx.DownloadedProjects(ctx, p, after, maxProjects)
			return err
		}); err != nil || len(all) == 0 {
			return err
		}
		for _, of := range all {
			if err := next(of); err != nil {
				return err
			}
			if err := x.store.View(ctx, func(tx Tx) error { return tx.EachReader(ctx, p, of, each) }); err != nil {
				return err
			}
		}
		after = all[len(all)-1]
	}
}

// Since returns when the first download of a file of an upstream through a repository, "" being any, was recorded, or
// the zero time if none was. It needs an administrator.
func (x *Record) Since(ctx context.Context, who access.Caller, repository string) (at time.Time, err error) {
	if err := x.ready(ctx, who); err != nil {
		return time.Time{}, err
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		at, err = tx.RecordedSince(ctx, repository)
		return err
	})
	return at, err
}

// ready checks that a caller may read the record, and writes what this process has recorded.
func (x *Record) ready(ctx context.Context, who access.Caller) error {
	if !who.Admin() {
		return fault.New(fault.Denied, "only an administrator may see who downloaded a file")
	}
	return x.Flush(ctx)
}

// Sweep deletes entries older than Keep.
func (x *Record) Sweep(ctx context.Context) error {
	return x.store.Update(ctx, func(tx Tx) error { return tx.DeleteReadersBefore(ctx, x.now().Add(-Keep)) })
}
