package mintapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/strictjson"
)

// maxBody is the size limit of a request's body, in bytes.
const maxBody = 64 << 10

// The supported features of PEP 807.
const (
	multiUse  = "multi-use-token"
	singleUse = "single-use-token"
)

// request is the body of a request: an identity token to exchange, or a minted one to burn.
type request struct {
	token    access.Secret
	features any // requested for the minted token, as sent; nil if missing or null
	scope    any // requested for the minted token, as sent; "upload" if missing
}

// readRequest parses {"token": "…", "features": ["…"]}. features may be missing. Other members are ignored, and so is
// the content type, because documented curl commands send JSON as a form.
func readRequest(r *http.Request) (request, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return request{}, exchange.Refuse(exchange.CodePayload, "the request's body did not arrive whole")
	}
	if len(b) > maxBody {
		return request{}, exchange.Refuse(exchange.CodePayload, "the request's body is larger than 64 KiB")
	}
	o, err := strictjson.Object(b)
	if err != nil {
		return request{}, exchange.Refuse(exchange.CodePayload,
			`the request's body has to be JSON like {"token": "…"}: `+err.Error())
	}
	token, ok := o["token"].(string)
	if token = strings.TrimSpace(token); !ok || token == "" {
		return request{}, exchange.Refuse(exchange.CodePayload, `the request's body has no "token" that is a string`)
	}
	scope, sent := o["scope"]
	if !sent {
		scope = "upload"
	}
	return request{access.Secret(token), o["features"], scope}, nil
}

// scopes are the scopes that a client may request.
var scopes = map[string]access.Scope{"upload": access.ScopeUpload, "read": access.ScopeRead}

// want returns the requested token. An unknown scope becomes the zero scope, which every exchange refuses.
func (q request) want() (exchange.Want, error) {
	scope, _ := q.scope.(string)
	single, err := q.once()
	return exchange.Want{Scope: scopes[scope], Single: single}, err
}

// once reports whether the client requested a token for one upload. It rejects unknown features, because a client that
// requests a narrower token must not get a wider one.
func (q request) once() (bool, error) {
	list, ok := q.features.([]any)
	if !ok && q.features != nil {
		return false, exchange.Refuse(exchange.CodePayload, `"features" in the request's body is not a list`)
	}
	asked := map[any]bool{}
	for _, f := range list {
		if f != singleUse && f != multiUse {
			return false, exchange.Refuse(exchange.CodePayload,
				fmt.Sprintf("a feature in the request's body is not known here: there are %s and %s", multiUse, singleUse))
		}
		asked[f] = true
	}
	if asked[singleUse] && asked[multiUse] {
		return false, exchange.Refuse(exchange.CodePayload,
			fmt.Sprintf("a token cannot be both: ask for %s or for %s", multiUse, singleUse))
	}
	return asked[singleUse], nil
}
