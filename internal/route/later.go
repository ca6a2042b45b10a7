package route

import "net/http"

// RetryLater names, with an answer that passes by itself (429, 503), the seconds after which to ask again, unless
// somebody who knows better did. Clients repeat such an answer only where they are told a time (RFC 9110, 10.2.3).
func RetryLater(h http.Header, status int, seconds string) {
	later := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if later && h.Get("Retry-After") == "" {
		h.Set("Retry-After", seconds)
	}
}
