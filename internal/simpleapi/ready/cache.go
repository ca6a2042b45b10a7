package ready

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

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

// Cache keeps the newest answers that were used last, up to a number of bytes.
type Cache struct {
	answers *memo.Weighted[slot, *Answer]
	flights singleflight.Group
}

type slot struct {
	key    Key
	coding Encoding
}

// NewCache returns a cache that holds at most limit bytes of bodies and bookkeeping. With none it still merges
// renderings that happen at once.
func NewCache(limit int64) *Cache {
	return &Cache{answers: memo.NewWeighted(limit, func(s slot, a *Answer) int64 {
		return int64(cap(a.body)+len(s.key.ID)+len(s.key.Variant)) + overhead
	})}
}

// Find returns the answer of exactly that serial and epoch, or nil. It allocates nothing.
func (c *Cache) Find(k Key, e Encoding, at memo.Stamp) *Answer {
	a, _ := c.answers.Get(at, slot{k, e})
	return a
}

// Size returns the bytes held now, as the limit counts them.
func (c *Cache) Size() int64 { return c.answers.Weight() }

// render makes an answer.
type render = func(context.Context) (*Answer, error)

// Fill returns the answer of that serial in the encoding, and makes it by render if it is missing. Readers who come
// meanwhile wait for the same rendering; one whose leader failed renders alone, since the failure may be about the
// leader. An answer that render made at another serial, because something changed meanwhile, is returned and not kept.
// Errors are render's, or ctx's while waiting.
func (c *Cache) Fill(ctx context.Context, k Key, e Encoding, at memo.Stamp, render render) (*Answer, error) {
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

// once waits for the reader who is making the answer, or makes it. A panic of make is this reader's own.
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

// landed returns what a flight brought. A reader who waited for a failed one makes the answer alone.
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

// fill makes the answer for everybody who waits, unless a flight that just ended kept it.
func (c *Cache) fill(ctx context.Context, s slot, at memo.Stamp, make render) (*Answer, error) {
	if a, ok := c.answers.Get(at, s); ok {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fillTime)
	defer cancel()
	a, err := make(ctx)
	if err == nil && a.at == at {
		c.answers.Put(at, s, a)
	}
	return a, err
}

// panicked is a panic on its way to the reader whose rendering it ended.
type panicked struct {
	value any
	stack []byte
}

// Error returns the panic with the stack of its rendering.
func (p *panicked) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }
