package throttle

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pyindex/internal/memo"
)

// maxClients bounds how many addresses one Rate remembers; the ones not seen for longest are forgotten.
const maxClients = 8192

// wider is how many times what one network may a site may, which has many networks.
const wider = 10

// Rate is a limit for each network: so many requests a minute, all of them at once if need be. The networks of one site
// have a limit in common, because one customer of a provider has many of them. There is none for everybody together:
// strangers would use it up, and shut out everybody else.
type Rate struct {
	perMinute int
	mu        sync.Mutex
	buckets   *memo.Weighted[string, *rate.Limiter] // by address, under the zero stamp
}

// NewRate returns a limit of so many requests a minute for each network.
func NewRate(perMinute int) *Rate {
	return &Rate{
		perMinute: perMinute, buckets: memo.NewWeighted(maxClients, func(string, *rate.Limiter) int64 { return 1 }),
	}
}

// Wait takes one request of an address, or a browser, at a time and returns how long it has to wait: 0 for not at all.
func (c *Rate) Wait(address string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.bucket(network(address), 1)
	delay := take(own, now)
	if wide := site(address); delay <= 0 && wide != "" {
		if delay = take(c.bucket(wide, wider), now); delay > 0 {
			putBack(own, now)
		}
	}
	return delay
}

// PutBack undoes one Wait of an address.
func (c *Rate) PutBack(address string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	putBack(c.bucket(network(address), 1), now)
	if wide := site(address); wide != "" {
		putBack(c.bucket(wide, wider), now)
	}
}

// putBack puts one request back into a bucket, by taking less than none. A bucket never holds more than fits.
func putBack(bucket *rate.Limiter, now time.Time) { bucket.AllowN(now, -1) }

// take takes one request from a bucket, or returns how long it has to wait and takes nothing.
func take(bucket *rate.Limiter, now time.Time) time.Duration {
	taken := bucket.ReserveN(now, 1)
	delay := taken.DelayFrom(now)
	if delay > 0 {
		taken.CancelAt(now)
	}
	return delay
}

// bucket returns what an address, a network or a site has left, of so many times what one network may.
func (c *Rate) bucket(address string, times int) *rate.Limiter {
	bucket, _, ok := c.buckets.Last(address)
	if !ok {
		n := times * c.perMinute
		bucket = rate.NewLimiter(rate.Limit(float64(n)/60), n)
		c.buckets.Put(memo.Stamp{}, address, bucket)
	}
	return bucket
}

// network returns what one client is: an IPv4 address, or the /64 that an IPv6 user has to themselves.
func network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Unmap().Is4() {
		return address
	}
	return prefix(addr, 64)
}

// site returns what one customer of a provider may have, an IPv4 /24 or an IPv6 /48, and "" for what is no address.
func site(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap(); addr.Is4() {
		return prefix(addr, 24)
	}
	return prefix(addr, 48)
}

func prefix(addr netip.Addr, bits int) string {
	p, _ := addr.WithZone("").Prefix(bits) // of an address that is valid
	return p.String()
}
