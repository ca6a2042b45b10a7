package advisory

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Fetcher asks for the URL of a feed. It bounds time, redirects and addresses.
type Fetcher interface {
	// Fetch asks for a feed, conditionally if validators are given. The caller closes the body.
	Fetch(ctx context.Context, f Feed, etag, lastModified string, limit int64) (Fetched, error)
}

// Fetched is the answer of a feed.
type Fetched struct {
	NotModified        bool // the other fields are empty
	Body               io.ReadCloser
	ETag, LastModified string
}

// Waiting times after failures: firstRetry, doubled each time, at most lastRetry and the interval of the feed.
const (
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// Due reports whether the server should read the feed now.
func (f FeedRow) Due(now time.Time) bool {
	if !f.Declared || !f.Fetched() {
		return false
	}
	if f.TriedAt.After(now) { // the clock was set back
		return true
	}
	if f.Failures > 0 {
		wait := firstRetry
		for n := int64(1); n < f.Failures && wait < lastRetry; n++ {
			wait *= 2
		}
		return !now.Before(f.TriedAt.Add(min(wait, lastRetry, f.Every)))
	}
	return !now.Before(f.TriedAt.Add(f.Every))
}

// Tend reads each feed that is due, as who, who is an administrator. One process does it at a time. The error is that
// of the first feed that failed; the others are read nevertheless.
func (x *Advisories) Tend(ctx context.Context, who access.Caller) error {
	all, err := x.Measure(ctx)
	if err != nil {
		return err
	}
	var first error
	for _, f := range all {
		if f.Busy || !f.Due(x.changes.Clock()) {
			continue
		}
		if err := x.Refresh(ctx, who, f.Name, false); err != nil && first == nil && !fault.Is(err, errBusy) {
			first = err
		}
	}
	return first
}

// errBusy is the kind of the error while another process reads a feed.
const errBusy = fault.Conflict

// Refresh reads a feed from its source now. It needs an administrator. A failure is kept in the row of the feed, whose
// records remain.
func (x *Advisories) Refresh(ctx context.Context, who access.Caller, name string, force bool) error {
	if !who.Admin() {
		return errNoAdministrator
	}
	row, err := x.feed(ctx, name)
	if err != nil {
		return err
	}
	if !row.Fetched() {
		return fault.New(fault.Invalid, "the feed %s has neither a url nor a path: import it by index feed import", name)
	}
	if err := x.lease(ctx, name); err != nil {
		return err
	}
	defer x.release(ctx, name)
	tried := x.changes.Clock()
	err = x.refresh(ctx, who, row, tried, force)
	if err == nil || ctx.Err() != nil {
		return err
	}
	note := x.store.Aside(ctx, func(tx Tx) error {
		if err := x.renew(ctx, tx, name); err != nil {
			return err
		}
		now, err2 := findFeed(ctx, tx, name)
		if err2 != nil {
			return err2
		}
		now.TriedAt, now.Failures, now.Problem = tried, now.Failures+1, printable(fault.Message(err))
		return tx.UpdateFeed(ctx, now)
	})
	return errors.Join(err, note)
}

func (x *Advisories) refresh(ctx context.Context, who access.Caller, row FeedRow, tried time.Time, force bool) error {
	etag, modified := row.ETag, row.LastModified
	if force || row.Revision == 0 {
		etag, modified = "", ""
	}
	o := ImportOptions{From: row.Source(), Force: force, At: tried}
	var from Source
	if row.Path != "" {
		mark, err := fingerprint(row.Path)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "cannot read the feed: %v", err)
		}
		if mark == etag {
			return x.unchanged(ctx, row.Name, tried)
		}
		o.ETag = mark
		if from, err = FromPath(row.Path); err != nil {
			return err
		}
	} else {
		f, fetched, err := x.fetch(ctx, row.Feed, etag, modified)
		if err != nil {
			return err
		}
		if f == nil {
			return x.unchanged(ctx, row.Name, tried)
		}
		defer os.Remove(f.Name())
		defer f.Close()
		o.ETag, o.LastModified = fetched.ETag, fetched.LastModified
		from = func(ctx context.Context, each func(string, []byte, error) error) error {
			return readFile(f, "the feed", counted(ctx, each))
		}
	}
	_, err := x.run(ctx, who, row.Name, from, o)
	return err
}

// unchanged notes that a feed has not changed.
func (x *Advisories) unchanged(ctx context.Context, name string, tried time.Time) error {
	note := func(serial bool) func(tx Tx) error {
		return func(tx Tx) error {
			if err := x.renew(ctx, tx, name); err != nil {
				return err
			}
			row, err := findFeed(ctx, tx, name)
			if err != nil {
				return err
			}
			row.CheckedAt, row.TriedAt, row.Failures, row.Problem = tried, tried, 0, ""
			if err := tx.UpdateFeed(ctx, row); err != nil || !serial {
				return err
			}
			_, err = tx.NextSerial(ctx)
			return err
		}
	}
	row, err := x.feed(ctx, name)
	if err != nil {
		return err
	}
	if row.Closes() { // decisions depend on the age of the feed
		return x.store.Update(ctx, note(true))
	}
	return x.store.Aside(ctx, note(false))
}

// fetch fetches a feed into a file, which the caller closes and removes. It returns nil if the feed has not changed.
func (x *Advisories) fetch(ctx context.Context, f Feed, etag, modified string) (*os.File, Fetched, error) {
	if x.o.Fetcher == nil {
		return nil, Fetched{}, fault.New(fault.Unavailable, "this process fetches no feeds")
	}
	got, err := x.o.Fetcher.Fetch(ctx, f, etag, modified, MaxFile)
	if err != nil || got.NotModified {
		return nil, Fetched{}, err
	}
	defer got.Body.Close()
	to, err := os.CreateTemp(x.o.Dir, "feed-*")
	if err != nil {
		return nil, Fetched{}, err
	}
	if err := x.download(ctx, f.Name, to, got.Body); err != nil {
		to.Close()
		os.Remove(to.Name())
		return nil, Fetched{}, err
	}
	return to, got, nil
}

// download copies the body to a file, and renews the lease meanwhile.
func (x *Advisories) download(ctx context.Context, feed string, to io.Writer, from io.Reader) error {
	renewed := time.Now()
	buf := make([]byte, 256<<10)
	for {
		n, err := from.Read(buf)
		if _, e := to.Write(buf[:n]); e != nil {
			return e
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if time.Since(renewed) > renewEvery {
			if err := x.extend(ctx, feed); err != nil {
				return err
			}
			renewed = time.Now()
		}
	}
}
