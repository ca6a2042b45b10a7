// Package memo keeps values that hold while a counter stands still.
//
// A value is put under the counter that was read before the value was, so it is never older than its counter says.
// The first look with a higher counter empties the memory. Bounds are in entries; a full memory is emptied.
package memo

import "sync"

// Memo is a bounded map from K to V for one value of a counter. The zero Memo keeps nothing; make one with New.
// It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	mu     sync.RWMutex
	serial int64
	m      map[K]V
	most   int
}

// New returns a memo of at most the given number of entries.
func New[K comparable, V any](most int) *Memo[K, V] {
	return &Memo[K, V]{m: map[K]V{}, most: most}
}

// Get returns what was put for k at this serial.
func (c *Memo[K, V]) Get(serial int64, k K) (V, bool) {
	c.mu.RLock()
	v, ok := c.m[k]
	current := c.serial
	c.mu.RUnlock()
	if current == serial {
		return v, ok
	}
	var none V
	return none, false
}

// Put keeps v for k, where v was read after serial was. A serial older than the memory's is ignored.
func (c *Memo[K, V]) Put(serial int64, k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case serial < c.serial:
		return
	case serial > c.serial || len(c.m) >= c.most:
		clear(c.m)
		c.serial = serial
	}
	c.m[k] = v
}
