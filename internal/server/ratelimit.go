package server

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// limit returns fault.TooMany, and sets Retry-After, when a client's network, or its site, used up its share of a
// limit. A browser in which somebody signed in before has a share of its own then, so that strangers, or neighbours
// behind the same address, shut nobody out.
func (s *Server) limit(w *response, r *http.Request, name route.Limit) error {
	c := s.limits[name]
	if c == nil {
		return nil
	}
	now := s.o.Now()
	whose, delay := "from this address or those beside it", c.Wait(w.address, now)
	if delay > 0 && name == route.LimitSignIn && s.o.Known != nil {
		if browser := s.o.Known(r); browser != "" {
			whose, delay = "from this browser", c.Wait("browser "+browser, now)
		}
	}
	if delay <= 0 {
		return nil
	}
	seconds := int(math.Ceil(delay.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return fault.Later(fault.TooMany, time.Duration(seconds)*time.Second,
		"too many requests %s: %d a minute are allowed here from one address, try again in %d s", whose, s.o.Rates[name],
		seconds)
}

// granted gives a request that was granted its place in the limit back, if only the others count there.
func (s *Server) granted(w *response, name route.Limit) {
	if c := s.limits[name]; c != nil && name.OnlyRefused() {
		c.PutBack(w.address, s.o.Now())
	}
}
