package jsonapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"pyindex/internal/fault"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
)

// retryAfter is the Retry-After in seconds. pip retries a 429 or 503 only if the response has one.
const retryAfter = "5"

// fail writes an error as {"message": …}. The server adds the challenge of a 401.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	status, message := route.Status(fault.KindOf(err)), fault.Message(err)
	if status == http.StatusInternalServerError {
		message = "something went wrong here; tell the administrator the request id " + h.Get("X-Request-Id")
	}
	h.Set("Cache-Control", "no-store")
	if f, ok := errors.AsType[resolve.Refused](err); ok {
		h.Set("X-Index-Hold", f.Decision.Header())
		message = f.Text()
	}
	route.RetryLater(h, status, retryAfter)
	write(w, r, status, message)
}

func write(w http.ResponseWriter, r *http.Request, status int, message string) {
	body, _ := json.Marshal(map[string]string{"message": message}) // texts always marshal
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) // an error means that the client is gone
	}
}
