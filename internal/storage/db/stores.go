package db

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/account"
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

// Access returns the database as package access sees it.
func (d *DB) Access() access.Store { return accessStore{d} }

// Catalog returns the database as package catalog sees it.
func (d *DB) Catalog() catalog.Store { return catalogStore{d} }

// Publishers returns the database as package publishers sees it.
func (d *DB) Publishers() publishers.Store { return publisherStore{d} }

type accessStore struct{ *DB }

func (s accessStore) View(ctx context.Context, f func(access.Tx) error) error {
	return s.view(ctx, func(t *Tx) error { return f(t) })
}

func (s accessStore) Update(ctx context.Context, f func(access.Tx) error) error {
	return s.update(ctx, func(t *Tx) error { return f(t) })
}

type catalogStore struct{ *DB }

func (s catalogStore) View(ctx context.Context, f func(catalog.Tx) error) error {
	return s.view(ctx, func(t *Tx) error { return f(t) })
}

func (s catalogStore) Update(ctx context.Context, f func(catalog.Tx) error) error {
	return s.update(ctx, func(t *Tx) error { return f(t) })
}

type publisherStore struct{ *DB }

func (s publisherStore) View(ctx context.Context, f func(publishers.Tx) error) error {
	return s.view(ctx, func(t *Tx) error { return f(t) })
}

func (s publisherStore) Update(ctx context.Context, f func(publishers.Tx) error) error {
	return s.update(ctx, func(t *Tx) error { return f(t) })
}

// Accounts returns the database as package account sees it.
func (d *DB) Accounts() account.Store { return accountStore{d} }

type accountStore struct{ *DB }

func (s accountStore) View(ctx context.Context, f func(account.Tx) error) error {
	return s.view(ctx, func(t *Tx) error { return f(t) })
}

func (s accountStore) Update(ctx context.Context, f func(account.Tx) error) error {
	return s.update(ctx, func(t *Tx) error { return f(t) })
}

// Lockouts returns the database as package lockout sees it.
func (d *DB) Lockouts() lockout.Store { return lockoutStore{d} }

type lockoutStore struct{ *DB }

func (s lockoutStore) View(ctx context.Context, f func(lockout.Tx) error) error {
	return s.view(ctx, func(t *Tx) error { return f(t) })
}

func (s lockoutStore) Update(ctx context.Context, f func(lockout.Tx) error) error {
	return s.update(ctx, func(t *Tx) error { return f(t) })
}

// Record returns the database as package audit sees it.
func (d *DB) Record() audit.Store { return auditStore{d} }

type auditStore struct{ *DB }

func (s auditStore) Update(ctx context.Context, f func(audit.Rows) error) error {
	return s.update(ctx, func(t *Tx) error { return f(t) })
}
