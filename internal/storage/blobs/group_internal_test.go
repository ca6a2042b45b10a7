package blobs

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestGroupBeginsAfterTheCall checks that a sync which other callers share began after the call.
func TestGroupBeginsAfterTheCall(t *testing.T) {
	var g group
	var begun atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 200 {
				before := begun.Load()
				mine := int64(0)
				if err := g.do(func() error { mine = begun.Add(1); return nil }); err != nil {
					t.Error(err)
				}
				if begun.Load() == before || mine != 0 && mine <= before {
					t.Error("the sync began before the call")
				}
			}
		})
	}
	wait.Wait()
}
