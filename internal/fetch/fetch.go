// Package fetch limits how far an HTTP client follows and reads a server that the operator configured, such as an
// identity provider or the issuer of a workload's tokens. It does not limit time: use the client's Timeout or the
// request's context.
package fetch

import (
	"fmt"
	"net/http"
)

// SameHost returns a CheckRedirect that follows at most n redirects, and only to the scheme and host of the first
// request. A server can vouch only for itself, and the request may carry a secret meant for that server.
func SameHost(n int) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		if from := via[0].URL; r.URL.Scheme != from.Scheme || r.URL.Host != from.Host {
			return fmt.Errorf("redirected from %s to another host", from.Host)
		}
		if len(via) > n {
			return fmt.Errorf("redirected more than %d times", n)
		}
		return nil
	}
}

// Bounded returns a transport that uses over and ends the body of a response with a *http.MaxBytesError after n bytes.
func Bounded(over http.RoundTripper, n int64) http.RoundTripper { return bounded{over, n} }

type bounded struct {
	http.RoundTripper
	most int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, b.most)
	}
	return resp, err
}
