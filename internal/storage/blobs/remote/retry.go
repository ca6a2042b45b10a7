package remote

import (
	"context"
	"time"
)

// Policy decides on requests that failed.
type Policy interface {
	// Again returns the time to wait before the next attempt after attempt number n, which is 1 for the first, or false
	// if err is final.
	Again(ctx context.Context, n int, err error) (time.Duration, bool)
}

// Try calls f until it succeeds, the policy takes its error as final, or ctx ends.
func Try[T any](ctx context.Context, p Policy, f func() (T, error)) (T, error) {
	for n := 1; ; n++ {
		v, err := f()
		if err == nil || ctx.Err() != nil {
			return v, err
		}
		wait, ok := p.Again(ctx, n, err)
		if !ok {
			return v, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return v, err
		}
	}
}
