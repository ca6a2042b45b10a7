package app

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowth(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		live, roots uint64
		want        int
	}{
		{0, 0, 1000},
		{mb, 0, 1000},
		{4 * mb, mb, 400},
		{6 * mb, 2 * mb, 225},
		{12 * mb, 0, 100},
		{13 * mb, mb, 100}, // a heap that may double anyway
		{24 * mb, 0, 100},
		{1 << 40, 1 << 40, 100},
		{0, 1 << 40, 100},
	} {
		if got := growth(24*mb, c.live, c.roots); got != c.want {
			t.Errorf("growth(24 MB, %d, %d) = %d, want %d", c.live, c.roots, got, c.want)
		}
	}
}

var garbage []byte

// TestPaceCollector: with a small heap, there are fewer collections for the same garbage. GOGC turns that off.
func TestPaceCollector(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	cycles := func() uint32 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 64 << 10 {
			garbage = make([]byte, 16<<10) // a gigabyte in all
		}
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC
	}
	usual := cycles()
	t.Setenv("GOGC", "100")
	paceCollector(256 << 20)
	t.Setenv("GOGC", "")
	if with := cycles(); with < usual/2 {
		t.Errorf("%d collections with GOGC set, want about the usual %d", with, usual)
	}
	paceCollector(256 << 20)
	runtime.GC()
	cycles() // the finalizer runs soon after a collection
	if paced := cycles(); paced == 0 || paced > usual/4 {
		t.Errorf("%d collections, want some, but at most a quarter of the usual %d", paced, usual)
	}
}
