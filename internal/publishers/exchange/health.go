package exchange

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// IssuerHealth is the state of a configured issuer and its keys.
type IssuerHealth struct {
	Kind, URL string
	Audiences []string  // that tokens may have, first the one that clients request
	Keys      int       // number of cached keys
	Fetched   time.Time // time of the last successful fetch; zero for never
	Failure   string    // error of the last fetch; "" if it succeeded or there was none
	NotBefore time.Time // no fetch before this time; zero if one may start
}

// Healthy is implemented by verifiers that report the state of their issuers.
type Healthy interface{ Health() []IssuerHealth }

// Health returns the state of each configured issuer, by URL. It returns fault.Denied unless the caller is an
// administrator.
func (m *Minter) Health(who access.Caller) ([]IssuerHealth, error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may see the state of the issuers")
	}
	if h, ok := m.verifier.(Healthy); ok {
		return h.Health(), nil
	}
	return nil, nil
}
