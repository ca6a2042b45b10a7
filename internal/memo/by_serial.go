package memo

import (
	"sync"
	"sync/atomic"
)

// BySerial is a bounded map from K to V for one stamp. The first value with a later stamp empties it, or Worn does,
// which returns the keys that somebody may want again. If it is full, it is emptied. It is safe for concurrent use.
type BySerial[K comparable, V any] struct {
	mu   sync.RWMutex
	at   Stamp
	m    map[K]*slot[V]
	worn []K // of before the counter moved, asked for since then by nobody
	most int
}

// slot is a value and whether anybody wanted it.
type slot[V any] struct {
	v      V
	wanted atomic.Bool
}

// NewBySerial returns a memory of at most the given number of entries.
func NewBySerial[K comparable, V any](most int) *BySerial[K, V] {
	return &BySerial[K, V]{m: map[K]*slot[V]{}, most: most}
}

// Get returns what was put for k at this stamp.
func (c *BySerial[K, V]) Get(at Stamp, k K) (v V, ok bool) {
	c.mu.RLock()
	s, current := c.m[k], c.at
	c.mu.RUnlock()
	if s == nil || current != at {
		return v, false
	}
	if !s.wanted.Load() { // most reads only look, so that processors need not fight for the line
		s.wanted.Store(true)
	}
	return s.v, true
}

// Put keeps v for k, where v was read after the stamp was because somebody wants it. A stamp older than the memory's is
// ignored.
func (c *BySerial[K, V]) Put(at Stamp, k K, v V) { c.put(at, k, v, true) }

// Renew is Put for a value that nobody has asked for yet. It is worn out at the next change, unless somebody does.
func (c *BySerial[K, V]) Renew(at Stamp, k K, v V) { c.put(at, k, v, false) }

func (c *BySerial[K, V]) put(at Stamp, k K, v V, wanted bool) {
	s := &slot[V]{v: v}
	s.wanted.Store(wanted)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.at.After(at):
		return
	case at != c.at:
		c.turn(at)
	case len(c.m) >= c.most:
		clear(c.m)
	}
	c.m[k] = s
}

// maxWorn bounds what is remembered of before a change.
const maxWorn = 128

// turn empties the memory for a later stamp.
func (c *BySerial[K, V]) turn(at Stamp) {
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
	c.at = at
}

// Worn empties a memory of before the stamp, and returns up to a hundred or so keys that somebody asked for before the
// counter moved and nobody since. Each is returned once.
func (c *BySerial[K, V]) Worn(at Stamp) (keys []K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.at) {
		c.turn(at)
	}
	for _, k := range c.worn {
		if _, ok := c.m[k]; !ok {
			keys = append(keys, k)
		}
	}
	c.worn = c.worn[:0]
	return keys
}
