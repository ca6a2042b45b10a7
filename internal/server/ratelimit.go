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

// networks is how many networks together may use up their share of a limit that they have in common.
const networks = 20

// clients is a rate limit for each network: so many requests a minute, all of them at once if need be.
type clients struct {
	perMinute int
	all       *rate.Limiter // of all networks together; nil for no limit
	mu        sync.Mutex
	byAddress map[string]*list.Element // of *client
	recent    *list.List               // newest first
}

type client struct {
	address string
	bucket  *rate.Limiter
}

func newClients(perMinute int, shared bool) *clients {
	c := &clients{perMinute: perMinute, byAddress: map[string]*list.Element{}, recent: list.New()}
	if shared {
		c.all = perMinuteOf(networks * perMinute)
	}
	return c
}

func perMinuteOf(n int) *rate.Limiter { return rate.NewLimiter(rate.Limit(float64(n)/60), n) }

// wait takes one request of an address at a time and returns how long it has to wait: 0 for not at all.
func (c *clients) wait(address string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return take(c.bucket(address), now)
}

// take takes one request from a bucket, or returns how long it has to wait and takes nothing.
func take(bucket *rate.Limiter, now time.Time) time.Duration {
	taken := bucket.ReserveN(now, 1)
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
	bucket := perMinuteOf(c.perMinute)
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

// limit returns fault.TooMany, and sets Retry-After, when a client's network used up its share of a limit, or all networks
// used up theirs. A browser in which somebody signed in before has a share of its own then, so that strangers, or neighbours
// behind the same address, shut nobody out.
func (s *Server) limit(w *response, r *http.Request, name route.Limit) error {
	c := s.limits[name]
	if c == nil {
		return nil
	}
	now := s.o.Now()
	whose, delay := "from this address", c.wait(network(w.address), now)
	if delay <= 0 && c.all != nil {
		whose, delay = "from everywhere just now", take(c.all, now)
	}
	if delay > 0 && name == route.LimitSignIn && s.o.Known != nil {
		if browser := s.o.Known(r); browser != "" {
			whose, delay = "from this browser", c.wait("browser "+browser, now)
		}
	}
	if delay <= 0 {
		return nil
	}
	seconds := int(math.Ceil(delay.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return fault.Later(fault.TooMany, time.Duration(seconds)*time.Second,
		"too many requests %s: %d a minute are allowed here from one address, try again in %d s", whose, c.perMinute, seconds)
}
