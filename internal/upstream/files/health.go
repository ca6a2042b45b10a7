package files

import (
	"context"

	"pyindex/internal/upstream"
)

// Measured is a Monitor that adds what is kept of files to what another one knows.
type Measured struct {
	Of    upstream.Monitor
	Files *Files
}

// Health implements upstream.Monitor.
func (m Measured) Health(ctx context.Context, u upstream.Upstream) (upstream.Health, bool, error) {
	h, known, err := m.Of.Health(ctx, u)
	if err != nil {
		return h, known, err
	}
	all, err := m.Files.Usage(ctx)
	if err != nil {
		return h, known, err
	}
	h.Limit = m.Files.o.Limit
	for _, kept := range all {
		h.Bytes += kept.Bytes
		if kept.Upstream == u.Name {
			h.Files, known = int(kept.Files), true
		}
	}
	return h, known, nil
}
