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

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// The features of PEP 807 that there are.
const (
	multiUse  = "multi-use-token"
	singleUse = "single-use-token"
)

// request is what a client sends: an identity token to exchange, or a minted one to burn.
type request struct {
	token    access.Secret
	features any // of the minted token, as they were sent; nil for none or null
	scope    any // of the minted token, as it was sent; "upload" for none
}

// readRequest reads {"token": "…", "features": ["…"]}, where features may be missing. Other members are ignored, and so
// is the content type: documented curl lines send JSON as a form.
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

// scopes are the scopes that a client may ask for.
var scopes = map[string]access.Scope{"upload": access.ScopeUpload, "read": access.ScopeRead}

// want returns the token that is asked for. A scope that is not known gives the zero scope, which no exchange takes:
// nobody gets a token of another scope than was asked for.
func (q request) want() (exchange.Want, error) {
	scope, _ := q.scope.(string)
	single, err := q.once()
	return exchange.Want{Scope: scopes[scope], Single: single}, err
}

// once reports whether a token for one upload is asked for. A feature that is not known is refused: a client that asks
// for a narrower token must not get a wider one.
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
