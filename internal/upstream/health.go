package upstream

import (
	"context"
	"time"

	"pyindex/internal/tally"
)

// Health is what one server has seen of an upstream since it started, and what is kept of it.
type Health struct {
	Asked                int64 // requests that were sent
	Hits, Stale, Misses  int64 // pages that were answered from memory or rows, from an old record, and by asking
	Errors               int64
	Latency50, Latency90 time.Duration // of answers, half and nine tenths of which were faster
	Latency              tally.Distribution
	LastOK, LastFailure  time.Time     // zero if there was none
	FailureText          string        // of the last failure, without secrets
	Closed               bool          // it failed several times in a row, so that it is not asked for a while
	Pages, Files         int           // kept records and files
	Bytes, Limit         int64         // kept content of all upstreams, and its limit
	Listed               int           // names on its root list, 0 if it has none
	ListAge              time.Duration // of that list
}

// HitRate returns the share of pages that were answered without asking the upstream, in percent.
func (h Health) HitRate() int {
	all := h.Hits + h.Stale + h.Misses
	if all == 0 {
		return 0
	}
	return int((h.Hits + h.Stale) * 100 / all)
}

// Monitor knows the health of upstreams.
type Monitor interface {
	// Health returns false if nothing is known of an upstream yet.
	Health(ctx context.Context, u Upstream) (Health, bool, error)
}
