package server

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// limit returns fault.TooMany and sets Retry-After if the client's network, or its site, has used up a rate limit. On
// sign-in, a browser in which someone signed in before then has a limit of its own, so that strangers or neighbors
// behind the same address cannot lock its user out.
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
		"too many requests %s: %d per minute are allowed from one address, try again in %d s", whose, s.o.Rates[name],
		seconds)
}

// granted returns a successful request's place in the limit if the limit covers refused requests only.
func (s *Server) granted(w *response, name route.Limit) {
	if c := s.limits[name]; c != nil && name.OnlyRefused() {
		c.PutBack(w.address, s.o.Now())
	}
}
