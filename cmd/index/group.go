package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// group is loops that run beside the requests.
type group struct{ sync.WaitGroup }

// every runs f each d until ctx ends; a failure is logged and tried again next time.
func (g *group) every(ctx context.Context, d time.Duration, f func() error, log *slog.Logger, what string) {
	g.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := f(); err != nil && ctx.Err() == nil {
				log.Error(what, "error", err)
			}
		}
	})
}
