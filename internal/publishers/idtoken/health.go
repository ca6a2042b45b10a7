package idtoken

import (
	"fmt"
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

func (s *keySet) health() exchange.IssuerHealth {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := exchange.IssuerHealth{Fetched: s.fetched}
	for _, keys := range s.usable() {
		h.Keys += len(keys)
	}
	if s.failure != nil {
		h.Failure = fmt.Sprintf("%.300v", s.failure)
	}
	if s.now().Before(s.cooled) {
		h.NotBefore = s.cooled
	}
	return h
}
