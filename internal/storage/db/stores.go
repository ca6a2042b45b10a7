package db

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/ingest"
	"pyindex/internal/lockout"
	"pyindex/internal/publishers"
	"pyindex/internal/roles"
)

// One transaction type serves several packages; each sees the part that its interface names.
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
)

// storeOf is the database as a package sees it whose transactions are a T, which *Tx implements.
type storeOf[T any] struct{ *DB }

func (s storeOf[T]) View(ctx context.Context, f func(T) error) error {
	return s.view(ctx, func(t *Tx) error { return f(any(t).(T)) })
}

func (s storeOf[T]) Update(ctx context.Context, f func(T) error) error {
	return s.update(ctx, func(t *Tx) error { return f(any(t).(T)) })
}

// Access returns the database as package access sees it.
func (d *DB) Access() access.Store { return storeOf[access.Tx]{d} }

// Catalog returns the database as package catalog sees it, and as the packages above it do: see package assembly.
func (d *DB) Catalog() catalog.Store { return storeOf[catalog.Tx]{d} }

// Publishers returns the database as package publishers sees it.
func (d *DB) Publishers() publishers.Store { return storeOf[publishers.Tx]{d} }

// Accounts returns the database as package account sees it.
func (d *DB) Accounts() account.Store { return storeOf[account.Tx]{d} }

// SignIn returns the database as package signin sees it.
func (d *DB) SignIn() signin.Store { return storeOf[signin.Tx]{d} }

// Outbox returns the database as package outbox sees it.
func (d *DB) Outbox() outbox.Store { return storeOf[outbox.Tx]{d} }

// Lockouts returns the database as package lockout sees it.
func (d *DB) Lockouts() lockout.Store { return storeOf[lockout.Tx]{d} }

// Record returns the database as package audit sees it.
func (d *DB) Record() audit.Store { return storeOf[audit.Rows]{d} }
