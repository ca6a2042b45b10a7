package server

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
)

// unnamedAfter is the number of consecutive requests with forwarding headers after which a proxy is assumed.
const unnamedAfter = 20

// unnamed detects a proxy that is missing from trusted_proxies: all requests come from one private address and carry
// X-Forwarded-For. Until the proxy is configured, all clients share one address, in rate limits and in the audit log.
type unnamed struct {
	told atomic.Bool
	mu   sync.Mutex
	from string
	seen atomic.Int64 // consecutive requests from that address
}

// note records a request. It returns true once, when unnamedAfter consecutive requests looked like that.
func (u *unnamed) note(r *http.Request, peer netip.Addr) bool {
	forwarded := r.Header["X-Forwarded-For"] != nil
	if u.told.Load() || !forwarded && u.seen.Load() == 0 || isHealth(r) {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	from := peer.Unmap().WithZone("")
	if !forwarded || !(from.IsPrivate() || from.IsLoopback() || from.IsLinkLocalUnicast()) {
		u.from = ""
		u.seen.Store(0)
		return false
	}
	if from.String() != u.from {
		u.from = from.String()
		u.seen.Store(0)
	}
	return u.seen.Add(1) == unnamedAfter && u.told.CompareAndSwap(false, true)
}

// isHealth reports whether r is a health check. Load balancers send those on their own behalf.
func isHealth(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/healthz") || strings.HasSuffix(r.URL.Path, "/readyz")
}
