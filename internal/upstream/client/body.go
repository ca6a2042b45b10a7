package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"pyindex/internal/upstream"
)

// progress is how many bytes count as an upstream that is still sending. A server that sends one byte at a time would
// hold its place for days otherwise.
const progress = 1 << 10

// body is the body of a response while it arrives. It ends the request if the upstream stalls. Only the time during
// which a reader waits counts, so a slow reader does not end it.
type body struct {
	q     *question
	ctx   context.Context         // of the caller
	own   context.Context         // of the request
	stop  context.CancelCauseFunc // ends the request
	end   func()
	host  string
	in    io.ReadCloser
	timer *time.Timer

	waited time.Duration // since the last progress
	got    int           // bytes since then
	err    error         // that ended the body
}

func newBody(
	q *question, ctx, own context.Context, cancel context.CancelCauseFunc, leave func(), in io.ReadCloser, host string,
) *body {
	b := &body{q: q, ctx: ctx, own: own, stop: cancel, host: host, in: in}
	b.timer = time.AfterFunc(time.Hour, func() { cancel(errStalled) })
	b.timer.Stop()
	b.end = sync.OnceFunc(func() {
		b.timer.Stop()
		_ = in.Close()
		cancel(nil)
		leave()
	})
	return b
}

// Read reads from the body. Its error is io.EOF or a failure.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	since := time.Now()
	b.timer.Reset(b.q.c.o.Stall - b.waited)
	n, err := b.in.Read(p)
	b.timer.Stop()
	b.waited += time.Since(since)
	if b.got += n; b.got >= progress {
		b.got, b.waited = 0, 0
	}
	if err != nil && err != io.EOF {
		err = b.broken(err)
	}
	b.err = err
	return n, err
}

// broken returns the failure of a body that ended early.
func (b *body) broken(err error) error {
	why := context.Cause(b.own)
	if b.ctx.Err() == nil && !errors.Is(why, errStalled) && !errors.Is(why, errLong) {
		return b.q.fail(upstream.Wrong, 0, "the answer of %s is not complete: %s", b.host, described(err))
	}
	return b.q.failed(b.ctx, why, b.host, err)
}

// Close ends the request and returns its place.
func (b *body) Close() error {
	b.end()
	return nil
}
