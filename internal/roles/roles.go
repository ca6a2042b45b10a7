// Package roles gives people and groups roles in repositories and projects.
//
// Each exported method of Roles takes the caller right after the context and asks what they may do before anything
// else. A change, its audit entry and its serial are one transaction. A project keeps its last owner, unless an
// administrator removes them.
//
// What a role allows is decided in package access.
package roles

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// Tx is what this package needs of a transaction.
type Tx interface {
	ProjectByID(ctx context.Context, id string) (catalog.Project, error)
	audit.Rows
	access.Serials
	access.GrantRows
	access.GroupRows
	access.UserRows
	access.StandingRows
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of Roles; the zero value works.
type Options struct {
	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
}

// Roles is who has which role in an index. It is safe for concurrent use.
type Roles struct {
	index   *catalog.Index
	store   Store
	changes access.Changes[Tx]
}

// New returns the roles in an index, over the rows of s.
func New(x *catalog.Index, s Store, o Options) *Roles {
	return &Roles{index: x, store: s, changes: access.NewChanges(s, o.Now, o.NewID)}
}
