package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/pressly/goose/v3"

	"pyindex/internal/fault"
)

// dialect holds the differences between the two databases.
type dialect struct {
	goose  goose.Dialect
	view   *sql.TxOptions // one snapshot, read-only
	update *sql.TxOptions
	// runs first in an update to wait for other writers; "" if beginning a transaction waits
	turn     string
	detach   bool                                             // statements do not watch the context, see run.go
	watch    func(ctx context.Context, d *DB) error           // prepares for Stamp
	patient  string                                           // lets a transaction stay idle; "" if no timeout applies
	next     string                                           // increments the serial and returns it
	remember string                                           // runs before next; "" if next includes it
	params   int                                              // maximum number of parameters of a multi-row insert
	hints    func(ctx context.Context, d *DB) <-chan struct{} // reports changes sooner than polling; nil if unsupported
	check    func(ctx context.Context, write *sql.DB) error   // checks that the database can be used at all
	lock     func(ctx context.Context, write *sql.DB) (unlock func(), err error)
	tries    int // attempts to migrate
	// collate runs after migrations and makes text compare by its bytes; nil if it does
	collate func(ctx context.Context, write *sql.DB) error
	sort    func(error) failure
	cut     func(error) bool // reports whether the connection is lost and another one may work

	size func(ctx context.Context, t *Tx) (int64, error) // size of the database in bytes
	// broken selects rows that refer to missing ones, as check.rows does; "" if the database makes that impossible
	broken string
	text   []string // creates the full-text index
	// ends the statement that creates a table of small rows, so that its primary key is the table itself; "" if unsupported
	clustered    string
	quarantined  string   // the source of files in quarantine as q, by the index of them
	computesKeys bool     // blob_key of blobs is computed from the columns of the primary key
	blobPrimary  string   // the columns of the primary key of blobs
	blobs        []string // gives blobs these columns
	// joins another hold of the same content when a row of blobs is inserted; "" if no index finds it: see joinBlob
	joinBlob string
	undo     string   // keeps in memory what undoes the updates of a connection; "" if nothing is kept for that
	lean     []string // lets uploads write less
	merge    []string // ends merging of the full-text index by the database
	marks    []string // gives the grants of each user a new mark when they change
	words    []string // adapts it to the words of catalog.Words
	// name, summary, keywords, people, classifiers, body
	putWords func(ctx context.Context, t *Tx, projectID string, words [][]string) error
	// matching adds a condition about words to a statement of cards as c, and returns its sources
	matching func(s *statement, words []string, exact bool) (from string)
	rank     func(s *statement, words []string) string // of a card as c; lower ranks are better matches
	elements string                                    // format of a source with the elements of a JSON array as value
}

// failure classifies the error codes of a database.
type failure uint8

const (
	unknown failure = iota
	taken           // a unique constraint was violated
	again           // the same transaction may succeed if it is run again
	down            // the database cannot work now
	garbled         // text that the database cannot store
)

// explain returns err as a fault if its code has a meaning for callers, and unchanged otherwise.
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
		return fault.Wrap(fault.Invalid, err, "text is not valid UTF-8")
	}
	return err
}

// again reports whether the transaction that failed with err may be run again.
func (d dialect) again(err error) bool { return err != nil && !isContext(err) && d.sort(err) == again }

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
