package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// TestListingKeepsUp: after any change to projects, a cached listing equals one that is read for the first time.
func TestListingKeepsUp(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	random := rand.New(rand.NewPCG(2026, 11))
	fresh := func() string {
		x := assembly.New(w.db.Catalog(), w.blobs, assembly.Options{Policy: ingest.PrivatePolicy()})
		return listed(t, x, w)
	}
	for step := range 120 {
		project := fmt.Sprintf("p%d", random.IntN(8))
		what := random.IntN(6)
		var err error
		switch what {
		case 0:
			err = w.DeleteProject(t.Context(), w.admin, "", name(t, project))
		case 1:
			err = w.SetStatus(t.Context(), w.admin, "", name(t, project), catalog.Quarantined, "because")
		case 2:
			err = w.SetStatus(t.Context(), w.admin, "", name(t, project), catalog.Active, "")
		default:
			_, err = w.upload(w.admin, packagingtest.Wheel(project, fmt.Sprintf("1.%d", step), "x"))
		}
		if step%3 == 0 {
			continue // two changes between reads
		}
		if got, want := listed(t, w.Index, w), fresh(); got != want {
			t.Fatalf("after step %d (%d of %s: %v) the listing is\n%s\nwant\n%s", step, what, project, err, got, want)
		}
	}
}

func listed(t *testing.T, x *assembly.Index, w *world) string {
	t.Helper()
	l, err := x.Listing(t.Context(), w.admin, "")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(l.Serial, l.Projects())
}
