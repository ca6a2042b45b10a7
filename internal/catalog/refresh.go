package catalog

import (
	"context"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// Refresh reads again, after a change, what readers asked for before it: so that the next of them need not wait, and so
// that as much as possible is in memory should the database go away. It is nobody's read: who may see what is decided
// for each caller when it is used.
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

// renew loads what is worn in a memory; what is gone stays out of it.
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
