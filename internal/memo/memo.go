// Package memo caches values that remain valid until the index changes.
//
// A value is put under the stamp that was read before the value was, so it is never older than its stamp says.
// The first value with a later stamp empties the memory, or Worn does, which tells what somebody may want again.
// Bounds are in entries; a full memory is emptied.
package memo

import (
	"sync"
	"sync/atomic"
)

// Stamp identifies a state of the index within one process: the value of the counter, and the epoch in which the value was
// read. The counter alone is not enough. After a failover that lost commits, or a restore, the same value can name another
// state; the process then starts a new epoch, and nothing that it kept under an earlier one is used again.
//
// Epochs are numbered by each process for itself. Stamps are never stored and never sent to a client.
type Stamp struct {
	Epoch int64
	Value int64
}

// After reports whether s is later than other.
func (s Stamp) After(other Stamp) bool {
	return s.Epoch > other.Epoch || s.Epoch == other.Epoch && s.Value > other.Value
}

// Memo is a bounded map from K to V for one stamp. The zero Memo keeps nothing; make one with New.
// It is safe for concurrent use.
type Memo[K comparable, V any] struct {
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

// New returns a memo of at most the given number of entries.
func New[K comparable, V any](most int) *Memo[K, V] {
	return &Memo[K, V]{m: map[K]*slot[V]{}, most: most}
}

// Get returns what was put for k at this stamp.
func (c *Memo[K, V]) Get(at Stamp, k K) (v V, ok bool) {
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
func (c *Memo[K, V]) Put(at Stamp, k K, v V) { c.put(at, k, v, true) }

// Renew is Put for a value that nobody has asked for yet. It is worn out at the next change, unless somebody does.
func (c *Memo[K, V]) Renew(at Stamp, k K, v V) { c.put(at, k, v, false) }

func (c *Memo[K, V]) put(at Stamp, k K, v V, wanted bool) {
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
func (c *Memo[K, V]) turn(at Stamp) {
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
func (c *Memo[K, V]) Worn(at Stamp) (keys []K) {
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
