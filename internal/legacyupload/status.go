package legacyupload

import (
	"errors"
	"net/http"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// retryAfter is for failures that pass by themselves, in seconds, where nobody knows better.
const retryAfter = "10"

// requestID is the header in which the server names the request in its log.
const requestID = "X-Request-Id"

// statusOf returns the status of an error. Everything that is wrong with a file is 400, also if it exists already or is
// too large: clients look for "File already exists" in a 400, and some send again after another status.
func statusOf(err error) int {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status
	}
	switch k := fault.KindOf(err); k {
	case fault.Conflict, fault.TooLarge:
		return http.StatusBadRequest
	default:
		return route.Status(k)
	}
}

// messageOf returns what the client may read. An internal error is told by the request's id alone.
func messageOf(err error, h http.Header) string {
	message := fault.Message(err)
	switch {
	case fault.KindOf(err) == fault.Internal:
		return internalMessage(h.Get(requestID))
	case message == "":
		return http.StatusText(statusOf(err))
	case fault.Is(err, fault.TooLarge) && !strings.HasPrefix(message, "File too large"):
		return "File too large: " + message
	}
	return message
}

func internalMessage(id string) string {
	if id == "" {
		return "the index failed, and its log says why. Try again"
	}
	return "the index failed: its log says why, under request id " + id + ". Try again"
}
