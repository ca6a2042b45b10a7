// Package mintapi is the requests by which clients of trusted publishing get an upload token (the endpoints of PyPI's).
//
// Every failure is JSON with a list "errors" of code and description, also where a rate limit or a fault of ours is the
// reason: the publish action, uv and twine index that list without looking. Nothing is cached, no credential is looked
// at, a body is parsed whatever type it claims to be, and no answer repeats a token that was sent.
package mintapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/strictjson"
	"pyindex/internal/route"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// Options are settings that have no use yet beyond their zero value.
type Options struct{}

// API answers the requests.
type API struct {
	registry *publishers.Registry
	audience string
}

// New returns the API over a registry. The audience is what clients ask their issuer for; with "", or where the registry
// trusts no issuer, trusted publishing is off and every answer says so.
func New(reg *publishers.Registry, audience string, _ Options) *API {
	return &API{registry: reg, audience: audience}
}

// Table returns the routes. All are also at the host's root, because clients drop the path of the upload URL.
func (a *API) Table() route.Table {
	open := func(method, path string, limit route.Limit, h route.Handler) route.Route {
		return route.Route{Method: method, Path: path, Auth: route.Open, Limit: limit, Handle: h, HostRoot: true}
	}
	return route.Table{Name: "mintapi", Fail: fail, Routes: []route.Route{
		open("GET", "/_/oidc/audience", "", a.tellAudience),
		open("POST", "/_/oidc/mint-token", route.LimitMint, a.mint),
		open("POST", "/_/oidc/github/mint-token", route.LimitMint, a.mint),
		open("POST", "/_/oidc/burn-token", route.LimitMint, a.burn),
	}}
}

// tellAudience answers with exactly one member: an older client sends all that it gets on to its issuer.
func (a *API) tellAudience(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	if !a.enabled() {
		write(w, http.StatusForbidden, failure{Message: "Trusted publishing is not enabled", Errors: []problem{{publishers.CodeNotEnabled, "no issuer is configured on this index"}}})
		return nil
	}
	write(w, http.StatusOK, map[string]string{"audience": a.audience})
	return nil
}

func (a *API) enabled() bool { return a.audience != "" && a.registry.Enabled() }

// success is what clients read; expires is in seconds since 1970.
type success struct {
	Success bool   `json:"success"`
	Token   string `json:"token"`
	Expires int64  `json:"expires"`
}

func (a *API) mint(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if !a.enabled() {
		return publishers.Refuse(publishers.CodeNotEnabled, "trusted publishing is not enabled on this index")
	}
	raw, err := readToken(r)
	if err != nil {
		return err
	}
	m, err := a.registry.Exchange(r.Context(), who, raw)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, success{true, m.Token.Reveal(), m.Expires.Unix()})
	return nil
}

// burn answers the same whatever came: it is no way to find out which tokens exist.
func (a *API) burn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if raw, err := readToken(r); err == nil {
		if err := a.registry.Burn(r.Context(), who, raw); err != nil {
			return err
		}
	}
	write(w, http.StatusOK, map[string]bool{"success": true})
	return nil
}

// readToken reads {"token": "…"}. Other members are ignored, and so is the content type: documented curl lines send JSON
// as a form.
func readToken(r *http.Request) (access.Secret, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return "", publishers.Refuse(publishers.CodePayload, "the request's body did not arrive whole")
	}
	if len(b) > maxBody {
		return "", publishers.Refuse(publishers.CodePayload, "the request's body is larger than 64 KiB")
	}
	o, err := strictjson.Object(b)
	if err != nil {
		return "", publishers.Refuse(publishers.CodePayload, `the request's body has to be JSON like {"token": "…"}: `+err.Error())
	}
	token, ok := o["token"].(string)
	if token = strings.TrimSpace(token); !ok || token == "" {
		return "", publishers.Refuse(publishers.CodePayload, `the request's body has no "token" that is a string`)
	}
	return access.Secret(token), nil
}

// failure is how clients are told; they print each code and description.
type failure struct {
	Message string    `json:"message"`
	Errors  []problem `json:"errors"`
}

type problem struct {
	Code        string `json:"code"`
	Description string `json:"description"`
}

func write(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

// fail writes an error in the words of this protocol: 422 for refusals, 429 and 5xx where later may work.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	status, p := http.StatusUnprocessableEntity, problem{publishers.CodePayload, fault.Message(err)}
	switch fault.KindOf(err) {
	case fault.TooMany:
		status, p.Code = http.StatusTooManyRequests, "rate-limited"
	case fault.Unavailable:
		status, p.Code = http.StatusServiceUnavailable, "unavailable"
	case fault.Internal:
		status, p.Code = http.StatusInternalServerError, "internal-error"
	}
	if f, ok := errors.AsType[*publishers.Refusal](err); ok {
		p.Code = f.Code
	}
	if p.Description == "" {
		p.Description = "this index failed to answer; its log says why"
	}
	write(w, status, failure{"Token request failed", []problem{p}})
}
