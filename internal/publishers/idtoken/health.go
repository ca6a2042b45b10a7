package idtoken

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"

	"pyindex/internal/publishers/exchange"
)

var _ exchange.Healthy = (*Verifier)(nil)

// Health returns the state of each issuer, by URL.
func (v *Verifier) Health() []exchange.IssuerHealth {
	var out []exchange.IssuerHealth
	for _, s := range v.from {
		h := s.keys.health()
		h.Kind, h.URL, h.Audiences = s.Kind, s.URL, s.Audiences
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b exchange.IssuerHealth) int { return strings.Compare(a.URL, b.URL) })
	return out
}

// failureWords describes why a fetch failed, and what to check. The log has the error itself, which names addresses of
// the network.
func failureWords(err error) string {
	what, advice, ok := Failure(err)
	if !ok {
		return "The issuer answered, but not with its keys. Check that the URL is that of an OpenID Connect issuer. The server log has the details."
	}
	return what + ". " + advice
}

// Failure describes why the keys of an issuer cannot be fetched, without a period at the end, and what to check. It
// returns false if the connection is not the cause: the error then describes what the issuer answered.
func Failure(err error) (what, advice string, ok bool) {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	var connection *net.OpError
	switch {
	case errors.As(err, &dns):
		return "The issuer's host name cannot be resolved", "Check the issuer's URL, and the name server of this machine.",
			true
	case errors.As(err, &authority):
		return "The issuer's certificate is signed by an unknown authority",
			"Set ca_file of the issuer to the authority's certificate.", true
	case errors.As(err, &host), errors.As(err, &invalid):
		return "The issuer's certificate is not valid for its host name, or has expired",
			"Check the issuer's URL and certificate.", true
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "The issuer did not answer in time",
			"Check that this server may connect to it, and the firewall or proxy between them.", true
	case errors.As(err, &connection):
		return "The issuer cannot be reached", "Check that it is running, and that this server may connect to it.", true
	}
	return "", "", false
}

func (s *keySet) health() exchange.IssuerHealth {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := exchange.IssuerHealth{Fetched: s.fetched, Asked: s.asked}
	for _, keys := range s.usable() {
		h.Keys += len(keys)
	}
	if s.failure != nil {
		h.Failure = failureWords(s.failure)
	}
	if s.now().Before(s.cooled) {
		h.NotBefore = s.cooled
	}
	return h
}
