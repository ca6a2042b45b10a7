package storagetest

import (
	"fmt"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Leases checks the guarantees of custody.Leases. open opens a database twice, as two processes would; now is the clock
// of both.
func Leases(t *testing.T, now *time.Time, open func(*testing.T) (a, b LeaseStores)) {
	a, b := open(t)
	w := &leases{T: t, a: a, b: b}
	w.leased("")
	first, err := a.Leases.TakeLease(t.Context(), "backup:1", "ann", time.Minute)
	if err != nil || first.Name != "backup:1" || first.Holder != "ann" || !first.Since.Equal(*now) ||
		!first.EndsAt.Equal(now.Add(time.Minute)) {
		t.Fatalf("TakeLease() = %+v, %v", first, err)
	}
	w.leased("backup:1")
	_, err = b.Leases.TakeLease(t.Context(), "backup:1", "bob", time.Minute)
	w.conflict("TakeLease(of a live one)", err)
	*now = now.Add(time.Second)
	if _, err := b.Leases.TakeLease(t.Context(), "backup:2", "bob", time.Hour); err != nil {
		t.Errorf("TakeLease(of another name) = %v", err)
	}
	w.leased("backup:1") // the older one
	w.conflict("RenewLease(of another holder)", b.Leases.RenewLease(t.Context(), "backup:1", "bob", time.Hour))
	w.conflict("RenewLease(of nothing)", b.Leases.RenewLease(t.Context(), "backup:3", "bob", time.Hour))
	if err := b.Leases.EndLease(t.Context(), "backup:1", "bob"); err != nil {
		t.Errorf("EndLease(of another holder) = %v", err)
	}
	w.leased("backup:1")
	if err := a.Leases.RenewLease(t.Context(), "backup:1", "ann", time.Minute); err != nil {
		t.Errorf("RenewLease() = %v", err)
	}
	*now = now.Add(time.Minute - time.Microsecond)
	w.leased("backup:1")
	*now = now.Add(time.Microsecond) // its end
	w.leased("backup:2")
	w.conflict("RenewLease(of a dead one)", a.Leases.RenewLease(t.Context(), "backup:1", "ann", time.Minute))
	if _, err := b.Leases.TakeLease(t.Context(), "backup:1", "bob", time.Minute); err != nil {
		t.Errorf("TakeLease(of a dead one) = %v", err)
	}
	w.drops(false)
	for _, name := range []string{"backup:1", "backup:2", "backup:2"} {
		if err := b.Leases.EndLease(t.Context(), name, "bob"); err != nil {
			t.Errorf("EndLease(%s) = %v", name, err)
		}
	}
	w.leased("")
	w.drops(true)
}

// LeaseStores is one database as the keeper of leases and the catalog see it.
type LeaseStores struct {
	Leases  custody.Leases
	Catalog catalog.Store
}

type leases struct {
	*testing.T
	a, b LeaseStores
}

func (w *leases) conflict(what string, err error) {
	w.Helper()
	if !fault.Is(err, fault.Conflict) {
		w.Errorf("%s = %v, want a conflict", what, err)
	}
}

// leased fails unless both processes find the lease of the given name, or none if it is "".
func (w *leases) leased(want string) {
	w.Helper()
	for _, s := range []LeaseStores{w.a, w.b} {
		err := s.Catalog.View(w.Context(), func(tx catalog.Tx) error {
			l, held, err := tx.(custody.Tx).Leased(w.Context())
			if l.Name != want || held != (want != "") {
				w.Errorf("Leased() = %+v, %v, want %q", l, held, want)
			}
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
	}
}

// drops fails unless content that nothing names may, or may not, be deleted.
func (w *leases) drops(want bool) {
	w.Helper()
	key := custody.FileKey(digest(fmt.Sprint("dropped ", want)))
	err := w.b.Catalog.Update(w.Context(), func(tx catalog.Tx) error {
		if _, err := tx.HoldBlob(w.Context(), key, another, at); err != nil {
			return err
		}
		drop, err := tx.ReleaseBlob(w.Context(), key, true)
		if err != nil || !drop {
			w.Errorf("ReleaseBlob() = %v, %v, want the key marked for deletion", drop, err)
		}
		own, err := tx.(custody.Tx).OwnDrop(w.Context(), key, "owner", at)
		if own != want {
			w.Errorf("OwnDrop() = %v, want %v", own, want)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}
