// Package assembly constructs the services of one index.
//
// Its Index is for programs and tests that run a whole index. Code that needs a single service should take that service
// instead.
package assembly

import (
	"context"
	"log/slog"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/ingest"
	"pyindex/internal/roles"
)

// Options are the settings of all services; see the options of each.
type Options struct {
	Now      func() time.Time
	NewID    func() string
	Log      *slog.Logger
	Policy   ingest.Policy
	Limits   catalog.Limits
	Attester ingest.Attester
	Versions ingest.UpstreamVersions
	Redact   func(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

// Index contains the services, which share one database and one store.
type Index struct {
	*catalog.Index
	*ingest.Intake
	*roles.Roles
	*browse.Browser
	Custody *custody.Keeper
}

// New returns the services over the rows of s and the content of b. Transactions of s must implement the Tx interfaces
// of all services, as those of package db do.
func New(s catalog.Store, b custody.Blobs, o Options) *Index {
	k := custody.New(rows[custody.Tx]{s}, b, custody.Options{Now: o.Now, Log: o.Log})
	x := catalog.New(s, k, catalog.Options{Now: o.Now, NewID: o.NewID, Limits: o.Limits, Public: o.Policy.Public})
	return &Index{
		Index:   x,
		Custody: k,
		Roles:   roles.New(x, rows[roles.Tx]{s}, roles.Options{Now: o.Now, NewID: o.NewID}),
		Browser: browse.New(x, rows[browse.Tx]{s}, browse.Options{Redact: o.Redact}),
		Intake: ingest.New(x, rows[ingest.Tx]{s}, k, ingest.Options{
			Now: o.Now, NewID: o.NewID, Log: o.Log, Policy: o.Policy, Limits: o.Limits, Attester: o.Attester,
			Versions: o.Versions,
		}),
	}
}

// rows adapts a store to the transaction interface T of a service.
type rows[T any] struct{ catalog.Store }

// View runs f in a read-only transaction.
func (r rows[T]) View(ctx context.Context, f func(T) error) error {
	return r.Store.View(ctx, func(tx catalog.Tx) error { return f(tx.(T)) })
}

// Update runs f in a read-write transaction.
func (r rows[T]) Update(ctx context.Context, f func(T) error) error {
	return r.Store.Update(ctx, func(tx catalog.Tx) error { return f(tx.(T)) })
}
