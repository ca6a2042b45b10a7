package pages

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Reading a large page takes several times its size for a moment. Without these collections, the garbage of one step
// would still be there in the next one, and the process would keep the memory for minutes.

const (
	largeBody  = 2 << 20 // bytes of a page that count as large
	largeFiles = 4_000   // files of a page that count as large
	collectGap = time.Second
)

// collector collects garbage, but not often.
type collector struct{ last atomic.Int64 }

func (c *collector) due() bool {
	now, last := time.Now().UnixNano(), c.last.Load()
	return now-last >= int64(collectGap) && c.last.CompareAndSwap(last, now)
}

// parsed is called when a large page was parsed, whose text is garbage now.
func (c *collector) parsed() {
	if c.due() {
		runtime.GC()
	}
}

// free returns memory to the system.
func (c *collector) free() {
	if c.due() {
		debug.FreeOSMemory()
	}
}
