package transfer

import (
	"context"
	"io"

	"golang.org/x/time/rate"
)

// limiter bounds the bytes that an import reads in a second. nil bounds nothing.
type limiter struct{ *rate.Limiter }

// burst is the number of bytes that a limiter lets through at once.
const burst = 64 << 10

func newLimiter(bytes int64) *limiter {
	if bytes <= 0 {
		return nil
	}
	return &limiter{rate.NewLimiter(rate.Limit(bytes), burst)}
}

// reader returns r at the rate of the limiter.
func (l *limiter) reader(ctx context.Context, r io.Reader) io.Reader {
	if l == nil {
		return r
	}
	return &limited{ctx, l, r}
}

type limited struct {
	ctx   context.Context
	limit *limiter
	from  io.Reader
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p[:min(len(p), burst)])
	if n > 0 {
		if wait := l.limit.WaitN(l.ctx, n); wait != nil {
			return n, wait
		}
	}
	return n, err
}
