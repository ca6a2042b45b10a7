package mintapi

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
)

// The scopes that a client may ask for; without one it is for uploading.
const (
	scopeUpload = "upload"
	scopeRead   = "read"
)

// scopeOf is the scope that a request's body names, as it was sent.
func scopeOf(o map[string]any) any {
	if scope, sent := o["scope"]; sent {
		return scope
	}
	return scopeUpload
}

// read reports whether a read token is asked for. A scope that is not known is refused, so that nobody gets a token of
// another scope than was asked for.
func (q request) read() (bool, error) {
	switch q.scope {
	case scopeUpload:
		return false, nil
	case scopeRead:
		return true, nil
	}
	return false, exchange.Refuse(exchange.CodePayload, `the request's "scope" has to be "upload" or "read"`)
}

// mintRead answers with a token that reads what the readers of this workload name.
func (a *API) mintRead(w http.ResponseWriter, r *http.Request, who access.Caller, asked request, once bool) error {
	if once {
		return exchange.Refuse(exchange.CodePayload, "a token for one upload does not read: leave out the feature "+singleUse)
	}
	m, err := a.minter.ExchangeRead(r.Context(), who, asked.token)
	if err != nil {
		return err
	}
	write(w, typeJSON, http.StatusOK, success{true, m.Token.Reveal(), m.Expires.Unix()})
	return nil
}
