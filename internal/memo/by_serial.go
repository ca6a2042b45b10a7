package memo

import (
	"sync"
	"sync/atomic"
)

// BySerial is a bounded map from K to V for one stamp. A Put or Worn with a later stamp empties it, and so does a Put
// when it is full. Worn returns the keys to renew after a change. It is safe for concurrent use.
type BySerial[K comparable, V any] struct {
	mu   sync.RWMutex
	at   Stamp
	m    map[K]*slot[V]
	worn []K // keys used under the previous stamp and not returned by Worn yet
	most int
}

// slot is a value and whether it was requested.
type slot[V any] struct {
	v      V
	wanted atomic.Bool
}

// NewBySerial returns an empty cache for at most the given number of entries.
func NewBySerial[K comparable, V any](most int) *BySerial[K, V] {
	return &BySerial[K, V]{m: map[K]*slot[V]{}, most: most}
}

// Get returns the value stored for k under this stamp.
func (c *BySerial[K, V]) Get(at Stamp, k K) (v V, ok bool) {
	c.mu.RLock()
	s, current := c.m[k], c.at
	c.mu.RUnlock()
	if s == nil || current != at {
		return v, false
	}
	if !s.wanted.Load() { // a load first, so that concurrent readers do not contend for the cache line
		s.wanted.Store(true)
	}
	return s.v, true
}

// Put stores v for k because a caller requested it. The caller must have read the stamp before v. A stamp older than
// the cache's is ignored.
func (c *BySerial[K, V]) Put(at Stamp, k K, v V) { c.put(at, k, v, true) }

// Renew is Put for a value that no caller has requested yet. Worn returns its key after the next change only if Get has
// returned the value by then.
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

// maxWorn bounds the keys kept for Worn.
const maxWorn = 128

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

// Worn empties the cache if at is later than its stamp. It returns up to maxWorn keys that were requested before the
// serial changed and have not been stored again since. Each key is returned once.
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
