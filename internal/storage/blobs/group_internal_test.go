package blobs

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestGroupBeginsAfterTheCall checks that callers that wait share a sync, and never one that began before their call.
func TestGroupBeginsAfterTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var runs atomic.Int32
		hold := make(chan struct{})
		sync1 := func() error { runs.Add(1); <-hold; return nil }
		var wait sync.WaitGroup
		wait.Go(func() { _ = g.do(sync1) })
		synctest.Wait() // the first one runs
		for range 5 {
			wait.Go(func() { _ = g.do(sync1) })
		}
		hold <- struct{}{}
		synctest.Wait()
		if n := runs.Load(); n != 2 {
			t.Errorf("%d syncs began, want a second one for the five callers", n)
		}
		close(hold)
		wait.Wait()
		if n := runs.Load(); n != 2 {
			t.Errorf("%d syncs for six callers, want 2", n)
		}
	})
}
