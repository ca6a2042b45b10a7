// Package fetch bounds what an HTTP client takes from a server that the operator configured: an identity provider, or
// the issuer of a workload's tokens. It does not bound time; a client's Timeout or a request's context does.
package fetch

import (
	"fmt"
	"net/http"
)

// SameHost returns a CheckRedirect that follows at most n redirects, on the scheme and host of the first request alone:
// what a server says is about itself, and a request may carry a secret that is for it.
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

// Bounded returns a transport over another one that ends the body of an answer with a *http.MaxBytesError after n
// bytes.
func Bounded(over http.RoundTripper, n int64) http.RoundTripper { return bounded{over, n} }

type bounded struct {
	http.RoundTripper
	most int64
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, b.most)
	}
	return resp, err
}
