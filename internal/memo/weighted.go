package memo

import (
	"container/list"
	"sync"
)

// Weighted caches the newest value of each key, up to a total weight. If it is full, it drops the least recently used
// values. A value with a later stamp replaces the old one, so that a key uses memory only once. It is safe for
// concurrent use.
type Weighted[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int64
	weight  int64
	weigh   func(K, V) int64
	entries map[K]*list.Element
	used    list.List // of *weighted[K, V], most recently used first
}

type weighted[K comparable, V any] struct {
	k      K
	v      V
	at     Stamp
	weight int64
}

// NewWeighted returns an empty cache whose values together never weigh more than limit, in the unit of weigh. weigh
// must return a positive number, and the same one each time for the same value.
func NewWeighted[K comparable, V any](limit int64, weigh func(K, V) int64) *Weighted[K, V] {
	return &Weighted[K, V]{limit: limit, weigh: weigh, entries: map[K]*list.Element{}}
}

// Get returns the value stored for k if it has exactly this stamp. It does not allocate.
func (c *Weighted[K, V]) Get(at Stamp, k K) (v V, ok bool) {
	v, was, ok := c.Last(k)
	if was != at {
		return *new(V), false
	}
	return v, ok
}

// Last returns the value stored for k, whatever its stamp, and that stamp.
func (c *Weighted[K, V]) Last(k K) (v V, at Stamp, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.entries[k]
	if el == nil {
		return v, at, false
	}
	c.used.MoveToFront(el)
	e := el.Value.(*weighted[K, V])
	return e.v, e.at, true
}

// Put stores v for k and drops the least recently used values until it fits. It ignores a value with an older stamp
// than the stored one; a value that weighs more than the limit is not stored.
func (c *Weighted[K, V]) Put(at Stamp, k K, v V) {
	e := &weighted[K, V]{k, v, at, c.weigh(k, v)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[k]; old != nil {
		if old.Value.(*weighted[K, V]).at.After(at) {
			return
		}
		c.drop(old)
	}
	if e.weight > c.limit {
		return
	}
	for c.weight+e.weight > c.limit {
		c.drop(c.used.Back())
	}
	c.entries[k] = c.used.PushFront(e)
	c.weight += e.weight
}

func (c *Weighted[K, V]) drop(el *list.Element) {
	e := c.used.Remove(el).(*weighted[K, V])
	delete(c.entries, e.k)
	c.weight -= e.weight
}

// Weight returns the total weight of the stored values.
func (c *Weighted[K, V]) Weight() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.weight
}
