package catalog_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// TestCompareLarge: files with very many members are compared once, not for each page, also if many ask at once. The
// comparison names some members and counts the others.
func TestCompareLarge(t *testing.T) {
	const members = 15_000
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	for i, version := range []string{"1.0", "1.1"} {
		more := make([][2]string, members)
		for j := range more {
			prefix := "same"
			if j%3 > 0 {
				prefix = version
			}
			more[j] = [2]string{fmt.Sprintf("demo_data/%s-%05d-%s", prefix, j, strings.Repeat("x", 120)), fmt.Sprint(i)}
		}
		w.must(packagingtest.WheelWith("demo", version, "x", more))
	}
	compare := func() {
		c, err := w.Compare(ctx, w.admin, "", demo, browse.Pair{To: "1.1"})
		m := c.Inside.Members
		if err != nil || c.Inside.Basis != browse.MembersRead || len(m.Added) != browse.MaxMembers ||
			len(m.Removed) != browse.MaxMembers || len(m.Changed) != browse.MaxMembers ||
			m.More.Added != 2*members/3-browse.MaxMembers || m.More.Removed != m.More.Added ||
			m.More.Changed != members/3-browse.MaxMembers || !strings.HasPrefix(m.Added[0], "demo_data/1.1-00001-") {
			t.Errorf("Compare = %q (%s), %d, %d and %d members and %+v, %v", c.Inside.Basis, c.Inside.Why, len(m.Added),
				len(m.Removed), len(m.Changed), m.More, err)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(compare)
	}
	all.Wait()
	if n := testing.AllocsPerRun(3, compare); n > members/5 {
		t.Errorf("a comparison that was made before allocates %.0f times, as if it were made again", n)
	}
}
