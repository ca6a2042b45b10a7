package pages

import "sync"

// cache keeps entries up to a total weight in bytes. If it is full, it drops one of those that were not used for the
// longest time. It is safe for concurrent use.
type cache struct {
	mu     sync.RWMutex
	m      map[Key]*entry
	weight int64
	limit  int64
}

func newCache(limit int64) *cache { return &cache{m: map[Key]*entry{}, limit: limit} }

func (c *cache) get(k Key) *entry {
	c.mu.RLock()
	e := c.m[k]
	c.mu.RUnlock()
	return e
}

// put stores an entry in place of the one of its key, unless it alone exceeds the limit.
func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(e.Key)
	c.add(e)
}

// replace stores an entry if the given one is still there.
func (c *cache) replace(was, e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m[was.Key] != was {
		return false
	}
	c.remove(was.Key)
	c.add(e)
	return true
}

// drop removes an entry if it is still there.
func (c *cache) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m[e.Key] == e {
		c.remove(e.Key)
	}
}

func (c *cache) add(e *entry) {
	w := e.weight()
	if w > c.limit {
		return
	}
	for c.weight+w > c.limit {
		c.evict()
	}
	c.m[e.Key] = e
	c.weight += w
}

func (c *cache) remove(k Key) {
	if e := c.m[k]; e != nil {
		delete(c.m, k)
		c.weight -= e.weight()
	}
}

// sampled is the number of entries among which the least recently used one is dropped. Iteration of a map begins
// anywhere.
const sampled = 8

func (c *cache) evict() {
	var oldest *entry
	n := 0
	for _, e := range c.m {
		if oldest == nil || e.used.Load() < oldest.used.Load() {
			oldest = e
		}
		if n++; n == sampled {
			break
		}
	}
	c.remove(oldest.Key)
}

// size returns the number of entries and their weight.
func (c *cache) size() (int, int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.m), c.weight
}
