package legacyupload

import (
	"errors"
	"net/http"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// retryAfter is the default Retry-After of temporary failures, in seconds.
const retryAfter = "10"

// requestID is the response header with the request id of the server's log.
const requestID = "X-Request-Id"

// statusOf returns the status of an error. All errors about a file have status 400, also if the file exists or is too
// large: clients look for "File already exists" in a 400, and some retry after other statuses.
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

// messageOf returns the message for the client. For an internal error it contains only the request id.
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
