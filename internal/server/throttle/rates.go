package throttle

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pyindex/internal/memo"
)

// maxClients bounds the addresses that one Rate remembers. The least recently seen are forgotten first.
const maxClients = 8192

// wider is the ratio of a site's limit to a network's.
const wider = 10

// Rate limits the requests per minute of each network; they may all come at once. The networks of one site also share a
// limit, because one customer of a provider can have many networks. There is no limit over all clients: strangers could
// use it up and lock everyone else out.
type Rate struct {
	perMinute int
	mu        sync.Mutex
	buckets   *memo.Weighted[string, *rate.Limiter] // by address, under the zero stamp
}

// NewRate returns a Rate that allows perMinute requests per minute and network.
func NewRate(perMinute int) *Rate {
	return &Rate{
		perMinute: perMinute, buckets: memo.NewWeighted(maxClients, func(string, *rate.Limiter) int64 { return 1 }),
	}
}

// Wait takes one request from the limit of an address, or of a browser's identifier. If the limit is used up, Wait
// takes nothing and returns how long to wait; otherwise it returns 0.
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

// putBack returns one request to a bucket by reserving -1. A bucket never holds more than its burst.
func putBack(bucket *rate.Limiter, now time.Time) { bucket.AllowN(now, -1) }

// take takes one request from a bucket. If the bucket is empty, take returns how long to wait and takes nothing.
func take(bucket *rate.Limiter, now time.Time) time.Duration {
	taken := bucket.ReserveN(now, 1)
	delay := taken.DelayFrom(now)
	if delay > 0 {
		taken.CancelAt(now)
	}
	return delay
}

func (c *Rate) bucket(address string, times int) *rate.Limiter {
	bucket, _, ok := c.buckets.Last(address)
	if !ok {
		n := times * c.perMinute
		bucket = rate.NewLimiter(rate.Limit(float64(n)/60), n)
		c.buckets.Put(memo.Stamp{}, address, bucket)
	}
	return bucket
}

// network returns the key of one client: its IPv4 address, or its IPv6 /64, which one user has alone.
func network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Unmap().Is4() {
		return address
	}
	return prefix(addr, 64)
}

// site returns the range that one customer of a provider may have, an IPv4 /24 or an IPv6 /48. It returns "" if address
// is not an IP address.
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
	p, _ := addr.WithZone("").Prefix(bits) // fails only for invalid addresses
	return p.String()
}
