// Package mintapi serves the endpoints from which clients of trusted publishing get upload and read tokens. The
// endpoints are those of PyPI.
//
// Every failure, including rate limits and internal errors, is JSON with a list "errors" of code and description,
// because the publish action, uv and twine read that list unconditionally. For clients of PEP 807, which identify
// themselves in Accept, the same object is also a problem (RFC 9457). Responses are never cached and never repeat a
// token from the request. Requests need no credential, and their content type is ignored.
package mintapi

import (
	"encoding/json"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/route"
)

// Options are settings besides the audience.
type Options struct {
	// BaseURL is the URL at which clients reach the index, without a trailing slash. Discovery returns endpoints below
	// it. If it is nil, discovery finds nothing.
	BaseURL *url.URL
}

// API serves the endpoints.
type API struct {
	minter   *exchange.Minter
	audience string
	base     *url.URL
}

// New returns the API for an exchange. Clients request tokens for audience from their issuer. If audience is "" or the
// exchange trusts no issuer, trusted publishing is off and every response reports that.
func New(m *exchange.Minter, audience string, o Options) *API {
	return &API{minter: m, audience: audience, base: o.BaseURL}
}

// Table returns the routes. All are also at the host's root, because clients drop the path of the upload URL.
func (a *API) Table() route.Table {
	open := func(method, path string, limit route.Limit, h route.Handler) route.Route {
		return route.Route{
			Method: method, Path: path, Auth: route.Open, Decides: route.NoFiles, Limit: limit, Handle: h,
			HostRoot: true,
		}
	}
	return route.Table{Name: "mintapi", Fail: fail, Routes: []route.Route{
		open("GET", "/.well-known/pytp", "", a.discover),
		open("GET", audiencePath, "", a.tellAudience),
		open("POST", mintPath, route.LimitMint, a.mint),
		open("POST", "/_/oidc/github/mint-token", route.LimitMint, a.mint),
		open("POST", "/_/oidc/burn-token", route.LimitBurn, a.burn),
	}}
}

// The paths that discovery returns.
const (
	audiencePath = "/_/oidc/audience"
	mintPath     = "/_/oidc/mint-token"
)

// tellAudience responds with exactly one member, because an older client sends everything it gets to its issuer.
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

// success is the response that clients read. Expires is in seconds since 1970.
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

// burn sends the same response for every request, so that callers cannot probe for tokens.
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
	json.NewEncoder(w).Encode(v) // fails only if the client disconnected
}
