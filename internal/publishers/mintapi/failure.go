package mintapi

import (
	"errors"
	"net/http"

	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
)

// failure is the body of an error response. Clients print each code and description.
type failure struct {
	Message string   `json:"message"`
	Errors  []reason `json:"errors"`
}

type reason struct {
	Code        string `json:"code"`
	Description string `json:"description"`
}

// problem is a failure that is also a problem (RFC 9457), so that one object serves both kinds of clients. It has no
// type of its own, so its title is that of the status.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	failure
}

func writeFailure(w http.ResponseWriter, asProblem bool, status int, message string, why reason) {
	f := failure{message, []reason{why}}
	if !asProblem {
		write(w, typeJSON, status, f)
		return
	}
	write(w, typeProblem, status, problem{"about:blank", http.StatusText(status), status, why.Description, f})
}

// fail writes an error response: 422 for refusals, and 429 or 5xx if a retry may succeed.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if u, ok := errors.AsType[*undiscovered](err); ok {
		writeFailure(w, true, u.status, "Discovery failed", reason{u.code, u.description})
		return
	}
	status, why := http.StatusUnprocessableEntity, reason{exchange.CodePayload, fault.Message(err)}
	switch fault.KindOf(err) {
	case fault.TooMany:
		status, why.Code = http.StatusTooManyRequests, "rate-limited"
	case fault.Unavailable:
		status, why.Code = http.StatusServiceUnavailable, "unavailable"
	case fault.Internal:
		status, why.Code = http.StatusInternalServerError, "internal-error"
	}
	if f, ok := errors.AsType[*exchange.Refusal](err); ok {
		why.Code = f.Code
	}
	if why.Description == "" {
		why.Description = "this index failed to answer; its log says why"
	}
	writeFailure(w, wantsProblem(r), status, "Token request failed", why)
}
