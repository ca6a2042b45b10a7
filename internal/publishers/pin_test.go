package publishers_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
)

// TestPin: the first accepted token decides whose account it is.
func TestPin(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		widgets := b.project("widgets", "")
		b.add("widgets", "owner_id", "")
		b.mint(nil)
		list, err := b.registry.List(t.Context(), b.operator, "widgets")
		if err != nil || len(list) != 1 || list[0].OwnerID != "4242" || !list[0].Pinned {
			t.Fatalf("List after the first token = %+v, %v", list, err)
		}
		_, err = b.exchange(b.token(map[string]any{"repository_owner_id": "666"}))
		refuse(t, err, exchange.CodePublisher, `repository_owner_id is "666"`)
		if !b.identify(b.mint(nil).Token).May(access.Uploader, b.object(widgets)) {
			t.Error("the pinned account may not upload")
		}
	})
}

// TestPinRace: accounts race to be the first; one wins, for good.
func TestPinRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets", "owner_id", "")
		ids, replicas := []string{"1", "2", "3", "4", "5", "6", "7", "8"}, b.replicas()
		won := race(len(ids), func(i int) error {
			_, err := replicas[i%2].Exchange(t.Context(), b.guest, b.token(map[string]any{"repository_owner_id": ids[i]}),
				upload)
			return err
		}, func(err error) { refuse(t, err, exchange.CodePublisher, "valid token") })
		if n := len(b.store.of("publisher.pin")); won != 1 || n != 1 {
			t.Errorf("%d accounts were accepted and %d pins recorded, want one of each", won, n)
		}
	})
}

// TestPinJoinsTwin: pinning a loose publisher that then says what a pinned one says leaves one, with both projects.
func TestPinJoinsTwin(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.project("gadgets", "")
		b.add("widgets")
		b.add("gadgets", "owner_id", "")
		for range 2 {
			if diff := cmp.Diff([]string{"gadgets", "widgets"}, b.mint(nil).Projects); diff != "" {
				t.Errorf("projects differ: %s", diff)
			}
		}
		list, err := b.registry.List(t.Context(), b.operator, "")
		if err != nil || len(list) != 2 || list[0].ID != list[1].ID || list[0].OwnerID != "4242" {
			t.Errorf("List = %+v, %v; want one pinned publisher of two projects", list, err)
		}
	})
}
