package access

import (
	"context"

	"pyindex/internal/audit"
	"pyindex/internal/memo"
)

// Tx is the set of rows that this package needs in a transaction.
type Tx interface {
	UserRows
	TokenRows
	GrantRows
	SessionRows
	GroupRows
	ServiceRows
	StandingRows
	InvitationRows
	FactorRows
	audit.Rows
	Serials
	// ProjectID returns the id of a project by its repository's name and its own normal name, or fault.NotFound.
	ProjectID(ctx context.Context, repository, project string) (string, error)
}

// Serials is the serial of an index. It increases with every change that a reader could notice.
type Serials interface {
	// NextSerial increments the serial and returns it. Two transactions that call it commit in the order of their
	// numbers.
	NextSerial(ctx context.Context) (int64, error)
}

// Store runs transactions over the rows.
type Store interface {
	// View runs f on one consistent state. f must not write.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f in a transaction that commits if f returns nil. After a serialization failure it may run f again,
	// so f must change nothing but the transaction and its own results.
	Update(ctx context.Context, f func(Tx) error) error
	// Serial returns the serial as of some moment during the call, including commits by other processes. It costs a
	// fraction of an indexed read on SQLite, and one indexed read on PostgreSQL.
	Serial(ctx context.Context) (int64, error)
	// Stamp returns the current state of the index as a cache key for later reads; see memo.Stamp. It is as fresh as
	// Serial and costs the same.
	Stamp(ctx context.Context) (memo.Stamp, error)
}
