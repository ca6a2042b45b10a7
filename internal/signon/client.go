package signon

import (
	"net/http"

	"pyindex/internal/fetch"
)

// Bounds of what a provider may answer.
const (
	maxBody      = 1 << 20 // bytes of a document, of its keys, or of the answer to a code
	maxRedirects = 3
)

// newClient returns the client for a provider, over the transport of another: each request ends within the budget,
// answers are bounded, and redirects stay on the same host, because requests carry the client's secret.
func newClient(like *http.Client) *http.Client {
	transport := http.DefaultTransport
	if like != nil && like.Transport != nil {
		transport = like.Transport
	}
	return &http.Client{
		Transport: fetch.Bounded(transport, maxBody), Timeout: budget, CheckRedirect: fetch.SameHost(maxRedirects),
	}
}
