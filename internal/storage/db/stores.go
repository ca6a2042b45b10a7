package db

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/advisory"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/follow"
	"pyindex/internal/holds"
	"pyindex/internal/ingest"
	"pyindex/internal/lockout"
	"pyindex/internal/namelog"
	"pyindex/internal/publishers"
	"pyindex/internal/roles"
	"pyindex/internal/transfer"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/pages"
	"pyindex/internal/verify"
)

// One transaction type serves several packages. Each sees only the methods of its interface.
var (
	_ access.Tx     = (*Tx)(nil)
	_ account.Tx    = (*Tx)(nil)
	_ ingest.Tx     = (*Tx)(nil)
	_ browse.Tx     = (*Tx)(nil)
	_ custody.Tx    = (*Tx)(nil)
	_ roles.Tx      = (*Tx)(nil)
	_ catalog.Tx    = (*Tx)(nil)
	_ publishers.Tx = (*Tx)(nil)
	_ lockout.Tx    = (*Tx)(nil)
	_ follow.Tx     = (*Tx)(nil)
	_ holds.Tx      = (*Tx)(nil)
	_ upstream.Tx   = (*Tx)(nil)
	_ files.Tx      = (*Tx)(nil)
	_ pages.Tx      = (*Tx)(nil)
	_ namelog.Tx    = (*Tx)(nil)
	_ verify.Tx     = (*Tx)(nil)
	_ transfer.Tx   = (*Tx)(nil)
	_ advisory.Tx   = (*Tx)(nil)
)

// storeOf is the database as seen by a package whose transactions are of type T. *Tx must implement T.
type storeOf[T any] struct{ *DB }

func (s storeOf[T]) View(ctx context.Context, f func(T) error) error {
	return s.view(ctx, func(t *Tx) error { return f(any(t).(T)) })
}

func (s storeOf[T]) Update(ctx context.Context, f func(T) error) error {
	return s.update(ctx, func(t *Tx) error { return f(any(t).(T)) })
}

// Access returns the database as seen by package access.
func (d *DB) Access() access.Store { return storeOf[access.Tx]{d} }

// Catalog returns the database as seen by package catalog and the packages above it: see package assembly.
func (d *DB) Catalog() catalog.Store { return storeOf[catalog.Tx]{d} }

// Publishers returns the database as seen by package publishers.
func (d *DB) Publishers() publishers.Store { return storeOf[publishers.Tx]{d} }

// Upstreams returns the database as seen by package upstream.
func (d *DB) Upstreams() upstream.Store { return storeOf[upstream.Tx]{d} }

// Accounts returns the database as seen by package account.
func (d *DB) Accounts() account.Store { return storeOf[account.Tx]{d} }

// SignIn returns the database as seen by package signin.
func (d *DB) SignIn() signin.Store { return storeOf[signin.Tx]{d} }

// Follow returns the database as seen by package follow.
func (d *DB) Follow() follow.Store { return storeOf[follow.Tx]{d} }

// Holds returns the database as seen by package holds.
func (d *DB) Holds() holds.Store { return storeOf[holds.Tx]{d} }

// Outbox returns the database as seen by package outbox.
func (d *DB) Outbox() outbox.Store { return storeOf[outbox.Tx]{d} }

// UpstreamFiles returns the database as seen by package upstream/files.
func (d *DB) UpstreamFiles() files.Store { return storeOf[files.Tx]{d} }

// Lockouts returns the database as seen by package lockout.
func (d *DB) Lockouts() lockout.Store { return storeOf[lockout.Tx]{d} }

// Names returns the database as seen by package namelog.
func (d *DB) Names() namelog.Store { return storeOf[namelog.Tx]{d} }

// Transfer returns the database as seen by package transfer.
func (d *DB) Transfer() transfer.Store { return storeOf[transfer.Tx]{d} }

// Record returns the database as seen by package audit.
func (d *DB) Record() audit.Store { return storeOf[audit.Rows]{d} }

// Pages returns the database as seen by package pages. Its updates do not wait for those who change the index if the
// database is PostgreSQL: they touch rows that only they write.
func (d *DB) Pages() pages.Store { return asideOf[pages.Tx]{storeOf[pages.Tx]{d}} }

// Advisories returns the database as seen by package advisory.
func (d *DB) Advisories() advisory.Store {
	return advisoriesOf{storeOf[advisory.Tx]{d}}
}

type advisoriesOf struct{ storeOf[advisory.Tx] }

func (s advisoriesOf) Aside(ctx context.Context, f func(advisory.Tx) error) error {
	return asideOf[advisory.Tx](s).Update(ctx, f)
}

// asideOf is storeOf with updates that do not take the lock of writers, if the database has one.
type asideOf[T any] struct{ storeOf[T] }

func (s asideOf[T]) Update(ctx context.Context, f func(T) error) error {
	return s.updateInTurn(ctx, "", func(t *Tx) error { return f(any(t).(T)) })
}
