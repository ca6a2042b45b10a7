package publishers_test

import (
	"errors"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/namelog"
)

// TestExchangeWhileRecovered: while an index is in the state recovered, no upload token is minted and no pending
// publisher creates a project. Read tokens are minted. The identity token can be used after the end.
func TestExchangeWhileRecovered(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		b.addReader([]string{"widgets"})
		state := func(f func(tx namelog.Tx) error) {
			t.Helper()
			if err := b.db.Names().Update(t.Context(), func(tx namelog.Tx) error {
				if _, err := tx.NextSerial(t.Context()); err != nil {
					return err
				}
				return f(tx)
			}); err != nil {
				t.Fatal(err)
			}
		}
		now := b.clock.Now()
		state(func(tx namelog.Tx) error { return tx.BeginRecovered(t.Context(), now, "snap", now) })
		raw := b.token(nil)
		if _, err := b.exchange(raw); !errors.Is(err, catalog.ErrRecovered) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("Exchange(upload) = %v, want the state recovered", err)
		}
		b.mintRead(nil)
		state(func(tx namelog.Tx) error { _, err := tx.EndRecovered(t.Context()); return err })
		if _, err := b.exchange(raw); err != nil {
			t.Errorf("Exchange(the same token, after the end) = %v", err)
		}
	})
}
