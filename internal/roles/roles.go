// Package roles gives users and groups roles in repositories and projects.
//
// Each exported method of Roles takes the caller right after the context and checks the caller's rights before anything
// else. A change, its audit entry and its serial are one transaction. A project keeps its last owner, unless an
// administrator removes them.
//
// Package access decides the rights of each role.
package roles

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// Tx is the set of rows that this package needs in a transaction.
type Tx interface {
	ProjectByID(ctx context.Context, id string) (catalog.Project, error)
	audit.Rows
	access.Serials
	access.GrantRows
	access.GroupRows
	access.UserRows
	access.StandingRows
}

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of Roles. The zero value is usable.
type Options struct {
	Now   func() time.Time // default time.Now
	NewID func() string    // default UUIDv7
}

// Roles manages the roles in an index. It is safe for concurrent use.
type Roles struct {
	index   *catalog.Index
	store   Store
	changes access.Changes[Tx]
}

// New returns the roles of x, over the rows of s.
func New(x *catalog.Index, s Store, o Options) *Roles {
	return &Roles{index: x, store: s, changes: access.NewChanges(s, o.Now, o.NewID)}
}
