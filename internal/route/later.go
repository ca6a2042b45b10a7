package route

import "net/http"

// RetryLater sets Retry-After on a response with status 429, 502 or 503, unless it is set already. Clients retry such
// requests only if the response names a time (RFC 9110, 10.2.3).
func RetryLater(h http.Header, status int, seconds string) {
	later := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable ||
		status == http.StatusBadGateway
	if later && h.Get("Retry-After") == "" {
		h.Set("Retry-After", seconds)
	}
}
