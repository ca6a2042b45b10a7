package ready

import (
	"container/list"
	"context"
	"sync"
	"time"

	"pyindex/internal/memo"
)

// Key names an answer, whatever its serial and its encoding: what it is about, and which form of it.
type Key struct {
	ID      string // of the project or repository
	Variant string // of the thing: a version, or ""
	Form    uint8  // of the representation; the owner of the cache numbers them
}

// fillTime bounds a rendering. It goes on when its first reader leaves, because others wait for it.
const fillTime = 30 * time.Second

// overhead is roughly what an entry costs besides its body, in bytes.
const overhead = 1 << 10

// Cache keeps the newest answers that were used last, up to a number of bytes. An answer of a new serial takes the place
// of the old one, so that a page that changes often holds its memory once. A serial counts within its epoch alone: an
// answer of another epoch is never found, whatever its serial.
type Cache struct {
	mu      sync.Mutex
	limit   int64
	size    int64
	entries map[slot]*list.Element
	used    list.List // of *entry, last used first
	flights map[flightKey]*flight
}

type slot struct {
	key    Key
	coding Encoding
}

type entry struct {
	slot   slot
	answer *Answer
}

func (e *entry) size() int64 {
	return int64(cap(e.answer.body)+len(e.slot.key.ID)+len(e.slot.key.Variant)) + overhead
}

// NewCache returns a cache that holds at most limit bytes of bodies and bookkeeping. With none it still merges
// renderings that happen at once.
func NewCache(limit int64) *Cache {
	return &Cache{limit: limit, entries: map[slot]*list.Element{}, flights: map[flightKey]*flight{}}
}

// Find returns the answer of exactly that serial and epoch, or nil. It allocates nothing.
func (c *Cache) Find(k Key, e Encoding, at memo.Stamp) *Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(slot{k, e}, at)
}

func (c *Cache) find(s slot, at memo.Stamp) *Answer {
	el := c.entries[s]
	if el == nil {
		return nil
	}
	a := el.Value.(*entry).answer
	if a.at != at {
		return nil
	}
	c.used.MoveToFront(el)
	return a
}

// Fill returns the answer of that serial in the encoding, made by render where it is not there. Readers who come
// meanwhile wait for the same rendering; one whose leader failed renders alone, since the failure may be about the
// leader. An answer that render made at another serial, because something changed meanwhile, is returned and not kept.
// Errors are render's, or ctx's while waiting.
func (c *Cache) Fill(ctx context.Context, k Key, e Encoding, at memo.Stamp, render func(context.Context) (*Answer, error)) (*Answer, error) {
	if e == Identity {
		return c.once(ctx, slot{k, e}, at, render)
	}
	return c.once(ctx, slot{k, e}, at, func(ctx context.Context) (*Answer, error) {
		plain, err := c.once(ctx, slot{k, Identity}, at, render)
		if err != nil {
			return nil, err
		}
		return plain.Encoded(e), nil
	})
}

// keep puts in an answer and drops those unused the longest until it fits. An older one never replaces a newer one.
func (c *Cache) keep(s slot, a *Answer) {
	e := &entry{s, a}
	old := c.entries[s]
	if old != nil && old.Value.(*entry).answer.at.After(a.at) {
		return
	}
	if old != nil {
		c.drop(old)
	}
	if e.size() > c.limit {
		return
	}
	for c.size+e.size() > c.limit {
		c.drop(c.used.Back())
	}
	c.entries[s] = c.used.PushFront(e)
	c.size += e.size()
}

func (c *Cache) drop(el *list.Element) {
	e := c.used.Remove(el).(*entry)
	delete(c.entries, e.slot)
	c.size -= e.size()
}

// Size returns the bytes held now, as the limit counts them.
func (c *Cache) Size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}
