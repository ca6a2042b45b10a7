package app

import (
	"context"
	"time"

	"pyindex/internal/upstream"
)

// Health implements upstream.Monitor: what this server has seen of an upstream's pages, and what is kept of its files.
func (a *App) Health(ctx context.Context, u upstream.Upstream) (h upstream.Health, known bool, err error) {
	if h, known, err = a.Pages.Health(ctx, u); err != nil {
		return h, false, err
	}
	h.Latency50, h.Latency90 = h.Latency50.Round(latencyShown), h.Latency90.Round(latencyShown)
	kept, err := a.Files.Usage(ctx)
	if err != nil {
		return h, false, err
	}
	for _, k := range kept {
		h.Bytes += k.Bytes
		if k.Upstream == u.Name {
			h.Files = int(k.Files)
		}
	}
	h.Limit = a.Files.Limit()
	return h, known || h.Files > 0, nil
}

// latencyShown is the accuracy of latencies. They are estimates.
const latencyShown = 100 * time.Microsecond
