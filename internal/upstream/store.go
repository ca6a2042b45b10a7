package upstream

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/memo"
)

// Rows are the rows of upstreams and of the bases of repositories.
type Rows interface {
	// Upstreams returns all upstreams, by name.
	Upstreams(ctx context.Context) ([]Upstream, error)
	InsertUpstream(ctx context.Context, u Upstream) error // fault.Conflict if the name is taken
	UpdateUpstream(ctx context.Context, u Upstream) error // fault.NotFound if there is none
	// DeleteUpstream deletes an upstream with what was read from it: its pages, lists and files.
	DeleteUpstream(ctx context.Context, name string) error
	// RepositoryBases returns all bases of all repositories, by repository and in order.
	RepositoryBases(ctx context.Context) ([]Link, error)
}

// Tx is the set of rows that a Registry needs in a transaction.
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
}
