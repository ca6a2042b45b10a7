package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/pressly/goose/v3"

	"pyindex/internal/fault"
)

// dialect is all in which the two databases differ.
type dialect struct {
	goose  goose.Dialect
	view   *sql.TxOptions // one snapshot, read only
	update *sql.TxOptions
	// run first in an update to wait for other writers; "" where beginning does that
	turn     string
	detach   bool                                             // statements do not watch the context, see run.go
	watch    func(ctx context.Context, d *DB) error           // prepares for Stamp
	patient  string                                           // lets a transaction be idle; "" where it may be
	next     string                                           // moves the counter and returns it
	remember string                                           // runs before next; "" where that does it
	params   int                                              // most parameters of a statement that inserts many rows
	hints    func(ctx context.Context, d *DB) <-chan struct{} // tells of changes sooner than asking; nil for never
	check    func(ctx context.Context, write *sql.DB) error   // whether the database can be used at all
	lock     func(ctx context.Context, write *sql.DB) (unlock func(), err error)
	tries    int // how often migrating is tried
	sort     func(error) failure
	cut      func(error) bool // whether an error says that the connection is gone, and another one may work

	size func(ctx context.Context, t *Tx) (int64, error) // bytes of the database
	text []string                                        // makes the full-text index
	// name, summary, keywords, people, classifiers, body
	putText  func(ctx context.Context, t *Tx, projectID string, texts []string) error
	matching func(s *statement, words []string, exact bool) (from, rank string) // rank is lower for what fits better
}

// failure is what a database's error code means to us.
type failure uint8

const (
	unknown failure = iota
	taken           // a unique constraint
	again           // the same transaction may succeed when it is run again
	down            // the database cannot do its work now
	garbled         // text that the database cannot hold
)

// explain returns err as a fault where its code means something to a caller, and as it is otherwise.
func (d dialect) explain(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal || isContext(err) {
		return err
	}
	switch d.sort(err) {
	case taken:
		return fault.Wrap(fault.Conflict, err, "it exists already")
	case again:
		return fault.Wrap(fault.Unavailable, err, "the database is busy; try again")
	case down:
		return fault.Wrap(fault.Unavailable, err, "the database is not available; try again later")
	case garbled:
		return fault.Wrap(fault.Invalid, err, "a text is not valid UTF-8")
	}
	return err
}

// again reports whether the transaction that failed with err may be run again.
func (d dialect) again(err error) bool { return err != nil && !isContext(err) && d.sort(err) == again }

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
