// Package tally counts what a process does, by a few labels.
//
// A Counts is read as a whole, for example at each scrape of the metrics, so that the packages that count do not depend
// on the library that reports. Counts start at zero with the process.
package tally

import (
	"sync"
	"sync/atomic"
)

// maxKeys bounds the keys of one Counts. Keys come from small sets, such as kinds of error. The bound keeps a mistake
// from using up the memory.
const maxKeys = 1000

// Counts counts events by a key. The zero value is ready, and any number of goroutines may use it.
type Counts[K comparable] struct {
	counts sync.Map // K → *atomic.Int64
	keys   atomic.Int64
}

// Add adds n to the count of a key. It ignores a new key if there are too many already.
func (c *Counts[K]) Add(k K, n int64) {
	v, ok := c.counts.Load(k)
	if !ok {
		if c.keys.Load() >= maxKeys {
			return
		}
		if v, ok = c.counts.LoadOrStore(k, new(atomic.Int64)); !ok {
			c.keys.Add(1)
		}
	}
	v.(*atomic.Int64).Add(n)
}

// All returns a copy of the counts.
func (c *Counts[K]) All() map[K]int64 {
	out := map[K]int64{}
	c.counts.Range(func(k, n any) bool {
		out[k.(K)] = n.(*atomic.Int64).Load()
		return true
	})
	return out
}
