package access

import (
	"context"

	"pyindex/internal/audit"
	"pyindex/internal/memo"
)

// Tx is what the rules of this package need of a transaction.
type Tx interface {
	UserRows
	TokenRows
	GrantRows
	SessionRows
	GroupRows
	StandingRows
	InvitationRows
	FactorRows
	audit.Rows
	Serials
	// ProjectID returns the id of a project by the name of its repository and its normal name, or fault.NotFound.
	ProjectID(ctx context.Context, repository, project string) (string, error)
}

// Serials is the one counter of an index. It grows with every change that a reader could notice.
type Serials interface {
	// NextSerial adds one to the counter and returns it. Two transactions that both call it commit in the order of the
	// numbers that they got.
	NextSerial(ctx context.Context) (int64, error)
}

// Store runs transactions over the rows.
type Store interface {
	// View runs f on one consistent state. f must not write.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f in a transaction that commits when f returns nil. f may be run again after a serialisation failure,
	// so it must not touch anything but the transaction and its own results.
	Update(ctx context.Context, f func(Tx) error) error
	// Serial returns the counter as committed, also by other processes, at some moment during the call. It is cheap:
	// a fraction of an indexed read on SQLite, one indexed read on PostgreSQL.
	Serial(ctx context.Context) (int64, error)
	// Stamp returns the state that the index is in, to keep under it what is read afterwards; see memo.Stamp. It is as
	// fresh as Serial and costs the same.
	Stamp(ctx context.Context) (memo.Stamp, error)
}
