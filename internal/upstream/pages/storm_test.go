package pages_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// TestAStorm mixes readers of all kinds with a clock, a failing upstream, a new URL, a small memory and batches. Nobody
// gets the page of another project, or a missing project instead of a failure.
func TestAStorm(t *testing.T) {
	w := newWorld(t, func(o *pages.Options) { o.Memory = 20_000 })
	const projects = 40
	for i := range projects {
		s := fmt.Sprintf("p%d", i)
		page := has(s, fmt.Sprintf(`"%d"`, i), "1.0", fmt.Sprintf("1.%d", i+1))
		w.f.says(s, func(v upstream.Validators) (upstream.Response, error) {
			if rand.IntN(4) == 0 {
				return upstream.Response{}, failure(public(), upstream.Wrong, 500)
			}
			return page(v)
		})
	}
	stop := make(chan struct{})
	var background, readers sync.WaitGroup
	background.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			w.c.pass(time.Duration(rand.Int64N(int64(5 * time.Minute))))
			if err := w.p.Batch(t.Context()); err != nil {
				t.Errorf("Batch() = %v", err)
			}
		}
	})
	for range 16 {
		readers.Go(func() {
			for range 100 {
				i := rand.IntN(projects)
				s, u := fmt.Sprintf("p%d", i), public()
				u.Revision = int64(1 + rand.IntN(2))
				h, err := w.p.Get(t.Context(), u, name(s), pages.Freshness(rand.IntN(3)), rand.IntN(5) > 0)
				var f *upstream.Failure
				switch {
				case errors.As(err, &f), errors.Is(err, pages.ErrNotHeld):
					continue
				case err != nil:
					t.Errorf("Get(%s) = %v", s, err)
					continue
				case h.Absent:
					t.Errorf("%s is absent", s)
					continue
				}
				p, err := h.Page()
				if err != nil || len(p.Files) != 2 || p.Files[1].Version != fmt.Sprintf("1.%d", i+1) {
					t.Errorf("Page(%s) = %+v, %v", s, p, err)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	background.Wait()
	w.p.Settle()
}
