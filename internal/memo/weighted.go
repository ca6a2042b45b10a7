package memo

import (
	"container/list"
	"sync"
)

// Weighted keeps the newest value of each key, those that were used last, up to a total weight. A value of a later
// stamp takes the place of the old one, so that a key holds its memory once. It is safe for concurrent use.
type Weighted[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int64
	weight  int64
	weigh   func(K, V) int64
	entries map[K]*list.Element
	used    list.List // of *weighted[K, V], last used first
}

// weighted is an entry.
type weighted[K comparable, V any] struct {
	k      K
	v      V
	at     Stamp
	weight int64
}

// NewWeighted returns a memory whose values together never weigh more than limit. The unit is that of weigh, which has
// to return the same for the same value each time and more than nothing.
func NewWeighted[K comparable, V any](limit int64, weigh func(K, V) int64) *Weighted[K, V] {
	return &Weighted[K, V]{limit: limit, weigh: weigh, entries: map[K]*list.Element{}}
}

// Get returns what was put for k at exactly this stamp. It allocates nothing.
func (c *Weighted[K, V]) Get(at Stamp, k K) (v V, ok bool) {
	v, was, ok := c.Last(k)
	if was != at {
		return *new(V), false
	}
	return v, ok
}

// Last returns what was put for k last, and its stamp.
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

// Put keeps v for k and drops values that were unused the longest until it fits. A value with an older stamp than the
// one that is kept is ignored, and so is one that weighs more than the limit.
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

// Weight returns the weight of all that is kept now.
func (c *Weighted[K, V]) Weight() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.weight
}
