package signon

import (
	"fmt"
	"net/http"
)

// Bounds of what a provider may answer.
const (
	maxBody      = 1 << 20 // bytes of a document, of its keys, or of the answer to a code
	maxRedirects = 3
)

// newClient returns the client for a provider, over the transport of another: each request ends within the budget, answers are
// bounded, and redirects stay on the same host, because requests carry the client's secret.
func newClient(like *http.Client) *http.Client {
	transport := http.DefaultTransport
	if like != nil && like.Transport != nil {
		transport = like.Transport
	}
	return &http.Client{Transport: bounded{transport}, Timeout: budget, CheckRedirect: sameHost}
}

func sameHost(r *http.Request, via []*http.Request) error {
	if from := via[0].URL; r.URL.Scheme != from.Scheme || r.URL.Host != from.Host {
		return fmt.Errorf("redirected from %s to another host", from.Host)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	}
	return nil
}

// bounded ends the body of an answer with an error at maxBody.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxBody)
	}
	return resp, err
}
