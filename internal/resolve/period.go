package resolve

import (
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/memo"
)

// period is a time in which no decision about the files of a view changes by time alone. Renderings of one period are
// the same.
type period struct {
	text   string       // the Variant of the view without the period
	number uint64       // unique in the process
	ends   atomic.Int64 // in nanoseconds since 1970; 0 if it never ends, or before the first rendering
}

// over reports whether the period has ended.
func (p *period) over(now time.Time) bool {
	ends := p.ends.Load()
	return ends != 0 && now.UnixNano() >= ends
}

// end makes the period end at a moment, unless it ends earlier. The zero time is no moment.
func (p *period) end(at time.Time) {
	if p == nil || at.IsZero() {
		return
	}
	n := at.UnixNano()
	for {
		ends := p.ends.Load()
		if ends != 0 && ends <= n || p.ends.CompareAndSwap(ends, n) {
			return
		}
	}
}

// maxPeriods limits the views whose period is remembered. One that is forgotten only makes a page be rendered again.
const maxPeriods = 50_000

// periods are the current periods of views, by their ID.
type periods struct {
	mu   sync.Mutex
	last uint64
	all  *memo.Weighted[string, *period]
}

func newPeriods() *periods {
	return &periods{all: memo.NewWeighted(maxPeriods, func(string, *period) int64 { return 1 })}
}

// of returns the period of a view at a time.
func (p *periods) of(id, text string, now time.Time) *period {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.all.Get(memo.Stamp{}, id); ok && found.text == text && !found.over(now) {
		return found
	}
	p.last++
	made := &period{text: text, number: p.last}
	p.all.Put(memo.Stamp{}, id, made)
	return made
}
