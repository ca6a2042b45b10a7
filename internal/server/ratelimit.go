package server

import (
	"container/list"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// maxClients bounds how many addresses one limit remembers; the ones not seen for longest are forgotten.
const maxClients = 8192

// clients is a rate limit for each address: so many requests a minute, all of them at once if need be.
type clients struct {
	perMinute int
	mu        sync.Mutex
	byAddress map[string]*list.Element // of *client
	recent    *list.List               // newest first
}

type client struct {
	address string
	bucket  *rate.Limiter
}

func newClients(perMinute int) *clients {
	return &clients{perMinute: perMinute, byAddress: map[string]*list.Element{}, recent: list.New()}
}

// wait takes one request of an address at a time and returns how long it has to wait: 0 for not at all.
func (c *clients) wait(address string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.bucket(address).ReserveN(now, 1)
	delay := taken.DelayFrom(now)
	if delay > 0 {
		taken.CancelAt(now)
	}
	return delay
}

func (c *clients) bucket(address string) *rate.Limiter {
	if e, ok := c.byAddress[address]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*client).bucket
	}
	if c.recent.Len() >= maxClients {
		oldest := c.recent.Remove(c.recent.Back()).(*client)
		delete(c.byAddress, oldest.address)
	}
	bucket := rate.NewLimiter(rate.Limit(float64(c.perMinute)/60), c.perMinute)
	c.byAddress[address] = c.recent.PushFront(&client{address: address, bucket: bucket})
	return bucket
}

// network returns what one client is: an IPv4 address, or the /64 that an IPv6 user has to themselves.
func network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Unmap().Is4() {
		return address
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// limit returns fault.TooMany, and sets Retry-After, when the address used up its share of a limit.
func (s *Server) limit(w http.ResponseWriter, name route.Limit, address string) error {
	c := s.limits[name]
	if c == nil {
		return nil
	}
	delay := c.wait(network(address), s.o.Now())
	if delay <= 0 {
		return nil
	}
	seconds := int(math.Ceil(delay.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return fault.New(fault.TooMany, "too many requests from this address: %d a minute are allowed here, try again in %d s", c.perMinute, seconds)
}
