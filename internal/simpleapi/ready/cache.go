package ready

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"golang.org/x/sync/singleflight"

	"pyindex/internal/memo"
)

// Key identifies an answer, regardless of stamp and encoding, by its subject and form.
type Key struct {
	ID      string // of the project or repository
	Variant string // a version, or ""
	Form    uint8  // the representation, as numbered by the cache's owner
}

// fillTime limits a rendering. It continues after its first client disconnects, because others may wait for it.
const fillTime = 30 * time.Second

// overhead is the approximate size of an entry without its body, in bytes.
const overhead = 1 << 10

// Cache holds the newest version of the most recently used answers, up to a total size in bytes.
type Cache struct {
	answers *memo.Weighted[slot, *Answer]
	flights singleflight.Group

	mu     sync.Mutex
	latest map[family]weak.Pointer[Answer]
}

// family is the key of answers that probably have pieces in common, whatever their variant.
type family struct {
	id     string
	form   uint8
	coding Encoding
}

// maxLatest limits the families whose latest answer can be found.
const maxLatest = 10_000

// Latest returns the latest answer of pieces that was stored for the key in any variant and stamp, or nil if there is
// none in memory. Its pieces can be used again.
func (c *Cache) Latest(k Key, e Encoding) *Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest[family{k.ID, k.Form, e}].Value()
}

// remember makes an answer the one that Latest returns. It does not keep it in memory.
func (c *Cache) remember(s slot, a *Answer) {
	if a.pieces == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.latest) >= maxLatest {
		clear(c.latest)
	}
	c.latest[family{s.key.ID, s.key.Form, s.coding}] = weak.Make(a)
}

type slot struct {
	key    Key
	coding Encoding
}

// NewCache returns a cache that holds at most limit bytes of bodies and bookkeeping. If limit is not positive, the
// cache stores nothing but still merges concurrent renderings.
func NewCache(limit int64) *Cache {
	return &Cache{answers: memo.NewWeighted(limit, func(s slot, a *Answer) int64 {
		return a.weight() + int64(len(s.key.ID)+len(s.key.Variant)) + overhead
	}), latest: map[family]weak.Pointer[Answer]{}}
}

// Find returns the answer with exactly this stamp, or nil. It does not allocate.
func (c *Cache) Find(k Key, e Encoding, at memo.Stamp) *Answer {
	a, _ := c.answers.Get(at, slot{k, e})
	return a
}

// Size returns the number of bytes held, as counted against the limit.
func (c *Cache) Size() int64 { return c.answers.Weight() }

type render = func(context.Context) (*Answer, error)

// Fill returns the answer for the stamp in the encoding, and calls render if it is missing. Concurrent callers wait for
// the same rendering. If it fails, each waiting caller renders on its own, since the failure may concern only the first
// caller. If the data changed meanwhile and render returns an answer with another stamp, Fill returns it but does not
// store it. Errors are those of render, or of ctx while waiting.
func (c *Cache) Fill(ctx context.Context, k Key, e Encoding, at memo.Stamp, render render) (*Answer, error) {
	if e == Identity {
		return c.once(ctx, slot{k, e}, at, render)
	}
	return c.once(ctx, slot{k, e}, at, func(ctx context.Context) (*Answer, error) {
		plain, err := c.once(ctx, slot{k, Identity}, at, render)
		if err != nil {
			return nil, err
		}
		return plain.encodedAfter(e, c.Latest(k, e)), nil
	})
}

// once waits for the caller that is rendering the answer, or renders it. A panic of make is raised only in the caller
// that rendered.
func (c *Cache) once(ctx context.Context, s slot, at memo.Stamp, make render) (*Answer, error) {
	var leads atomic.Bool
	flight := c.flights.DoChan(fmt.Sprintf("%q %q %d %d %v", s.key.ID, s.key.Variant, s.key.Form, s.coding, at),
		func() (answer any, err error) {
			leads.Store(true)
			defer func() {
				if p := recover(); p != nil {
					err = &panicked{p, debug.Stack()}
				}
			}()
			return c.fill(ctx, s, at, make)
		})
	select {
	case r := <-flight:
		return landed(ctx, r, &leads, make)
	case <-ctx.Done():
		if leads.Load() {
			return landed(ctx, <-flight, &leads, make)
		}
		return nil, ctx.Err()
	}
}

// landed returns the result of a flight. If the flight failed, a caller that only waited renders the answer itself.
func landed(ctx context.Context, r singleflight.Result, leads *atomic.Bool, make render) (*Answer, error) {
	if r.Err == nil {
		return r.Val.(*Answer), nil
	}
	if !leads.Load() {
		return make(ctx)
	}
	if p, ok := errors.AsType[*panicked](r.Err); ok {
		panic(p)
	}
	return nil, r.Err
}

// fill renders the answer for all waiting callers, unless a flight that has just ended stored it.
func (c *Cache) fill(ctx context.Context, s slot, at memo.Stamp, make render) (*Answer, error) {
	if a, ok := c.answers.Get(at, s); ok {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fillTime)
	defer cancel()
	a, err := make(ctx)
	if err == nil && a.at == at {
		c.answers.Put(at, s, a)
		c.remember(s, a)
	}
	return a, err
}

// panicked carries a panic to the caller whose rendering caused it.
type panicked struct {
	value any
	stack []byte
}

// Error returns the panic's value and stack.
func (p *panicked) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }
