// Package mintapi is the requests by which clients of trusted publishing get an upload or read token (the endpoints of
// PyPI's).
//
// Every failure is JSON with a list "errors" of code and description, also where a rate limit or a fault of ours is the
// reason: the publish action, uv and twine index that list without looking. For clients of PEP 807, which say so in
// Accept, the same object is a problem as well (RFC 9457). Nothing is cached, no credential is looked at, a body is
// parsed whatever type it claims to be, and no answer repeats a token that was sent.
package mintapi

import (
	"encoding/json"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/route"
)

// Options are settings beside the audience.
type Options struct {
	// BaseURL is where clients reach the index, without a slash at the end. Discovery names the other addresses below it,
	// and with nil finds nothing.
	BaseURL *url.URL
}

// API answers the requests.
type API struct {
	minter   *exchange.Minter
	audience string
	base     *url.URL
}

// New returns the API over an exchange. The audience is what clients ask their issuer for; with "", or if the exchange
// trusts no issuer, trusted publishing is off and every answer says so.
func New(m *exchange.Minter, audience string, o Options) *API {
	return &API{minter: m, audience: audience, base: o.BaseURL}
}

// Table returns the routes. All are also at the host's root, because clients drop the path of the upload URL.
func (a *API) Table() route.Table {
	open := func(method, path string, limit route.Limit, h route.Handler) route.Route {
		return route.Route{Method: method, Path: path, Auth: route.Open, Limit: limit, Handle: h, HostRoot: true}
	}
	return route.Table{Name: "mintapi", Fail: fail, Routes: []route.Route{
		open("GET", "/.well-known/pytp", "", a.discover),
		open("GET", audiencePath, "", a.tellAudience),
		open("POST", mintPath, route.LimitMint, a.mint),
		open("POST", "/_/oidc/github/mint-token", route.LimitMint, a.mint),
		open("POST", "/_/oidc/burn-token", route.LimitBurn, a.burn),
	}}
}

// The addresses that discovery names.
const (
	audiencePath = "/_/oidc/audience"
	mintPath     = "/_/oidc/mint-token"
)

// tellAudience answers with exactly one member: an older client sends all that it gets on to its issuer.
func (a *API) tellAudience(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	if !a.enabled() {
		writeFailure(w, wantsProblem(r), http.StatusForbidden, "Trusted publishing is not enabled",
			reason{exchange.CodeNotEnabled, "no issuer is configured on this index"})
		return nil
	}
	write(w, typeJSON, http.StatusOK, map[string]string{"audience": a.audience})
	return nil
}

func (a *API) enabled() bool { return a.audience != "" && a.minter.Enabled() }

// success is what clients read; expires is in seconds since 1970.
type success struct {
	Success bool   `json:"success"`
	Token   string `json:"token"`
	Expires int64  `json:"expires"`
}

func (a *API) mint(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if !a.enabled() {
		return exchange.Refuse(exchange.CodeNotEnabled, "trusted publishing is not enabled on this index")
	}
	asked, err := readRequest(r)
	if err != nil {
		return err
	}
	want, err := asked.want()
	if err != nil {
		return err
	}
	m, err := a.minter.Exchange(r.Context(), who, asked.token, want)
	if err != nil {
		return err
	}
	write(w, typeJSON, http.StatusOK, success{true, m.Token.Reveal(), m.Expires.Unix()})
	return nil
}

// burn answers the same whatever came: it is no way to find out which tokens exist.
func (a *API) burn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if asked, err := readRequest(r); err == nil {
		if err := a.minter.Burn(r.Context(), who, asked.token); err != nil {
			return err
		}
	}
	write(w, typeJSON, http.StatusOK, map[string]bool{"success": true})
	return nil
}

func write(w http.ResponseWriter, kind string, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
