package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// smallHeap is the size in bytes up to which the heap grows before a collection, if what is in use takes less than half
// of it. An index uses a few megabytes between requests. With the usual setting, which lets the heap double, a busy
// server would collect garbage hundreds of times a second, and a fifth of its processor time would go into that.
const smallHeap = 28 << 20

// pacer sets after each collection how far the heap may grow until the next.
type pacer struct {
	small   uint64 // bytes
	percent int    // of the latest SetGCPercent
	read    []metrics.Sample
}

// PaceCollector makes garbage collections rare while the heap is small: it may grow to 28 MB before each, or to the
// double of what is in use if that is more, as without PaceCollector. It does nothing if the environment sets GOGC.
func PaceCollector() { paceCollector(smallHeap) }

func paceCollector(small uint64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	p := &pacer{small: small, percent: 100, read: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/scan/stack:bytes"},
	}}
	runtime.SetFinalizer(&cycle{p}, (*cycle).end)
}

// cycle becomes unreachable at once, so its finalizer runs after each collection.
type cycle struct{ p *pacer }

func (c *cycle) end() {
	c.p.adjust()
	runtime.SetFinalizer(c, (*cycle).end)
}

// adjust sets the percentage anew if it differs from the latest one by more than a tenth: setting it stops all
// goroutines for a moment.
func (p *pacer) adjust() {
	metrics.Read(p.read)
	percent := growth(p.small, p.read[0].Value.Uint64(), p.read[1].Value.Uint64()+p.read[2].Value.Uint64())
	if d := percent - p.percent; d > p.percent/10 || -d > p.percent/10 {
		debug.SetGCPercent(percent)
		p.percent = percent
	}
}

// growth returns the percentage for debug.SetGCPercent with which the heap grows to small bytes if live bytes of it are
// in use, and the collector also reads the bytes of roots. It is at least 100, and at most 1000.
func growth(small, live, roots uint64) int {
	if live >= small {
		return 100
	}
	return int(min(max(100*(small-live)/max(live+roots, 1), 100), 1000))
}
