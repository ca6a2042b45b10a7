package ready

import (
	"context"
	"errors"

	"pyindex/internal/memo"
)

// flight is one rendering under way. answer and err may be read once done is closed.
type flight struct {
	done   chan struct{}
	answer *Answer
	err    error
}

type flightKey struct {
	slot slot
	at   memo.Stamp
}

// errLeft is what waiting readers see when a rendering ended without a result: it panicked.
var errLeft = errors.New("rendering ended without an answer")

// once finds the answer, waits for the one who is making it, or makes it.
func (c *Cache) once(ctx context.Context, s slot, at memo.Stamp, make func(context.Context) (*Answer, error)) (*Answer, error) {
	f, answer, leads := c.join(s, at)
	if answer != nil {
		return answer, nil
	}
	if leads {
		return c.lead(ctx, f, flightKey{s, at}, make)
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.err != nil {
		return make(ctx)
	}
	return f.answer, nil
}

// join looks for the answer and the flight under one lock, so that nobody starts a second one between the two.
func (c *Cache) join(s slot, at memo.Stamp) (f *flight, answer *Answer, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.find(s, at); a != nil {
		return nil, a, false
	}
	k := flightKey{s, at}
	if f = c.flights[k]; f != nil {
		return f, nil, false
	}
	f = &flight{done: make(chan struct{}), err: errLeft}
	c.flights[k] = f
	return f, nil, true
}

// lead makes the answer for everybody who waits. It ends its flight also when make panics.
func (c *Cache) lead(ctx context.Context, f *flight, k flightKey, make func(context.Context) (*Answer, error)) (*Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fillTime)
	defer cancel()
	defer c.land(f, k)
	f.answer, f.err = make(ctx)
	return f.answer, f.err
}

func (c *Cache) land(f *flight, k flightKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err == nil && f.answer.at == k.at {
		c.keep(k.slot, f.answer)
	}
	delete(c.flights, k)
	close(f.done)
}
