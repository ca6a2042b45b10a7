package server

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
)

// unnamedAfter is how many requests in a row look as if a proxy passed them on before the log says so.
const unnamedAfter = 20

// unnamed notices a proxy that trusted_proxies does not name: all requests come from one private address and say whom
// they were forwarded for. Without its name all clients share one address, in limits and in the record.
type unnamed struct {
	told atomic.Bool
	mu   sync.Mutex
	from string
	seen atomic.Int64 // requests in a row from there
}

// note reports, once, that so many requests in a row looked like that.
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

// isHealth reports whether a balancer asks how the server is: it does so itself, for nobody.
func isHealth(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/healthz") || strings.HasSuffix(r.URL.Path, "/readyz")
}
