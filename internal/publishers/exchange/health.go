package exchange

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// IssuerHealth is what is known of a configured issuer and its keys.
type IssuerHealth struct {
	Kind, URL, Audience string
	Keys                int       // that are known
	Fetched             time.Time // when they came; zero for never
	Failure             string    // of the last fetch, "" where it went well or there was none
	NotBefore           time.Time // no fetch before this; zero where one may begin
}

// Healthy is a Verifier that tells how its issuers are.
type Healthy interface{ Health() []IssuerHealth }

// Health returns how each configured issuer is, by URL. It needs an administrator.
func (m *Minter) Health(who access.Caller) ([]IssuerHealth, error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may see how issuers are")
	}
	if h, ok := m.verifier.(Healthy); ok {
		return h.Health(), nil
	}
	return nil, nil
}
