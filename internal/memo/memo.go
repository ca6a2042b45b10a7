// Package memo keeps values that hold while a counter stands still.
//
// A value is put under the counter that was read before the value was, so it is never older than its counter says.
// The first value with a higher counter empties the memory, or Worn does, which tells what somebody may want again.
// Bounds are in entries; a full memory is emptied.
package memo

import (
	"sync"
	"sync/atomic"
)

// Memo is a bounded map from K to V for one value of a counter. The zero Memo keeps nothing; make one with New.
// It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	mu     sync.RWMutex
	serial int64
	m      map[K]*slot[V]
	worn   []K // of before the counter moved, asked for since then by nobody
	most   int
}

// slot is a value and whether anybody wanted it.
type slot[V any] struct {
	v      V
	wanted atomic.Bool
}

// New returns a memo of at most the given number of entries.
func New[K comparable, V any](most int) *Memo[K, V] {
	return &Memo[K, V]{m: map[K]*slot[V]{}, most: most}
}

// Get returns what was put for k at this serial.
func (c *Memo[K, V]) Get(serial int64, k K) (v V, ok bool) {
	c.mu.RLock()
	s, current := c.m[k], c.serial
	c.mu.RUnlock()
	if s == nil || current != serial {
		return v, false
	}
	if !s.wanted.Load() { // most reads only look, so that processors need not fight for the line
		s.wanted.Store(true)
	}
	return s.v, true
}

// Put keeps v for k, where v was read after serial was because somebody wants it. A serial older than the memory's is
// ignored.
func (c *Memo[K, V]) Put(serial int64, k K, v V) { c.put(serial, k, v, true) }

// Renew is Put for a value that nobody has asked for yet. It is worn out at the next change, unless somebody does.
func (c *Memo[K, V]) Renew(serial int64, k K, v V) { c.put(serial, k, v, false) }

func (c *Memo[K, V]) put(serial int64, k K, v V, wanted bool) {
	s := &slot[V]{v: v}
	s.wanted.Store(wanted)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case serial < c.serial:
		return
	case serial > c.serial:
		c.turn(serial)
	case len(c.m) >= c.most:
		clear(c.m)
	}
	c.m[k] = s
}

// maxWorn bounds what is remembered of before a change.
const maxWorn = 128

// turn empties the memory for another value of the counter.
func (c *Memo[K, V]) turn(serial int64) {
	c.worn = c.worn[:0]
	for k, s := range c.m {
		if len(c.worn) == maxWorn {
			break
		}
		if s.wanted.Load() {
			c.worn = append(c.worn, k)
		}
	}
	clear(c.m)
	c.serial = serial
}

// Worn empties a memory of before serial, and returns up to a hundred or so keys that somebody asked for before the
// counter moved and nobody since. Each is returned once.
func (c *Memo[K, V]) Worn(serial int64) (keys []K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if serial > c.serial {
		c.turn(serial)
	}
	for _, k := range c.worn {
		if _, ok := c.m[k]; !ok {
			keys = append(keys, k)
		}
	}
	c.worn = c.worn[:0]
	return keys
}
