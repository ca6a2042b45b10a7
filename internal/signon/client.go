package signon

import (
	"net/http"

	"pyindex/internal/fetch"
)

// Bounds on the responses of a provider.
const (
	maxBody      = 1 << 20 // bytes of the discovery document, the keys or the token response
	maxRedirects = 3
)

// newClient returns the HTTP client for a provider, with the transport of like. Requests end within the budget,
// responses are bounded, and redirects remain on the same host, because requests contain the client secret.
func newClient(like *http.Client) *http.Client {
	transport := http.DefaultTransport
	if like != nil && like.Transport != nil {
		transport = like.Transport
	}
	return &http.Client{
		Transport: fetch.Bounded(transport, maxBody), Timeout: budget, CheckRedirect: fetch.SameHost(maxRedirects),
	}
}
