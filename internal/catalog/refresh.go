package catalog

import (
	"context"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// Refresh reloads the cached rows that a change made stale. Readers then need not wait, and as much as possible is in
// memory if the database becomes unavailable. It needs no caller: permissions are checked when the rows are used.
func (x *Index) Refresh(ctx context.Context) error {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return err
	}
	return x.store.View(ctx, func(tx Tx) error {
		if err := renew(x.repositories, at,
			func(name string) (Repository, error) { return tx.RepositoryByName(ctx, name) }); err != nil {
			return err
		}
		if err := renew(x.projects, at,
			func(k projectKey) (Project, error) { return tx.ProjectByName(ctx, k.id, k.name) }); err != nil {
			return err
		}
		return renew(x.files, at, func(k fileKey) (located, error) { return locate(ctx, tx, k.id, k.filename) })
	})
}

// renew reloads the stale values of a cache. Deleted ones are left out.
func renew[K comparable, V any](m *memo.BySerial[K, V], at memo.Stamp, load func(K) (V, error)) error {
	for _, k := range m.Worn(at) {
		v, err := load(k)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		m.Renew(at, k, v)
	}
	return nil
}
