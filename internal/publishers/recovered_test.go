package publishers_test

import (
	"errors"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/namelog"
	"pyindex/internal/publishers/exchange"
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

// TestTokenFromBeforeARestore: an identity token that was issued before a backup was restored may have been used after
// the backup, so it is refused, for uploads and for reading, also after the state recovered has ended. A new one is
// good.
func TestTokenFromBeforeARestore(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		b.addReader([]string{"widgets"})
		raw, same := b.token(nil), b.token(nil)
		b.clock.Pass(700 * time.Millisecond) // within the second in which the tokens were issued
		restored := func(id string, at time.Time) {
			t.Helper()
			if err := b.db.Names().Update(t.Context(), func(tx namelog.Tx) error {
				return tx.NoteInstance(t.Context(), id, at)
			}); err != nil {
				t.Fatal(err)
			}
		}
		restored("before", b.clock.Now())
		b.clock.Pass(2 * time.Second)
		_, err := b.exchange(raw)
		refuse(t, err, exchange.CodeReuse, "restored from a backup")
		_, err = b.exchangeRead(same)
		refuse(t, err, exchange.CodeReuse, "restored from a backup")
		b.mint(nil)
		b.mintRead(nil)
		restored("a clock that was wrong", b.clock.Now().Add(time.Hour))
		b.mint(nil)
	})
}

// TestPendingWhileRecovered: while an index is in the state recovered, no pending publisher is added for a name, which
// may be that of a project that was created after the backup. It can be added after the end.
func TestPendingWhileRecovered(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		now := b.clock.Now()
		state := func(f func(tx namelog.Tx) error) {
			t.Helper()
			if err := b.db.Names().Update(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		state(func(tx namelog.Tx) error { return tx.BeginRecovered(t.Context(), now, "snap", now) })
		req := b.request("widgets")
		req.Pending = true
		for _, who := range []access.Caller{b.operator, b.user("ann")} {
			if _, err := b.registry.Add(t.Context(), who, req); !errors.Is(err, catalog.ErrRecovered) {
				t.Errorf("Add(pending) by %s = %v, want the state recovered", who.Name(), err)
			}
		}
		state(func(tx namelog.Tx) error { _, err := tx.EndRecovered(t.Context()); return err })
		b.addPending(b.operator, "widgets")
	})
}
