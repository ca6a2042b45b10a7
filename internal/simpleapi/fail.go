package simpleapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
)

// retryAfter is the Retry-After in seconds. pip retries a 429 or 503 only if the response has one.
const retryAfter = "5"

// fail writes an error as a line of text, or as JSON if the client prefers that. The server adds the challenge of a
// 401.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := describe(w, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if refused(w, r, err, false) {
		return
	}
	if wait := fault.WaitOf(err); wait > 0 {
		h.Set("Retry-After", seconds(max(wait, time.Second)))
	}
	if !custody.Lasting(err) {
		route.RetryLater(h, status, retryAfter)
	}
	if status != http.StatusNotAcceptable && prefersJSON(r.Header["Accept"]) {
		writeJSON(w, r, status, message)
		return
	}
	writeText(w, r, status, message)
}

// refused writes the refusal of a file that is held or denied, and returns true, if err is one. Clients print only the
// reason phrase, so it has the reason and the address of the page that explains it.
func refused(w http.ResponseWriter, r *http.Request, err error, json bool) bool {
	f, ok := errors.AsType[resolve.Refused](err)
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("X-Index-Hold", f.Decision.Header())
	media, body := "text/plain; charset=utf-8", []byte(f.Text()+"\n")
	if json || prefersJSON(r.Header["Accept"]) {
		media, body = problemJSON, f.Problem()
	}
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		body = nil
	}
	if rw, ok := w.(route.ReasonWriter); ok && rw.WriteReason(http.StatusForbidden, f.Reason(), body) == nil {
		return true
	}
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write(body) // an error means that the client is gone
	return true
}

// problemJSON is the media type of errors as JSON objects with details (RFC 9457).
const problemJSON = "application/problem+json"

// describe returns the status and message of an error. For an internal error the message is only the request id to look
// up in the log.
func describe(w http.ResponseWriter, err error) (int, string) {
	if _, ok := errors.AsType[notAcceptable](err); ok {
		return http.StatusNotAcceptable, fault.Message(err)
	}
	if kind := fault.KindOf(err); kind != fault.Internal {
		return route.Status(kind), fault.Message(err)
	}
	return http.StatusInternalServerError,
		"something went wrong here; tell the administrator the request id " + w.Header().Get("X-Request-Id")
}

// prefersJSON reports whether the client names application/json or application/problem+json and gives it more weight
// than any text type. Pages never have these types, but errors may.
func prefersJSON(lines []string) bool {
	json, text := 0, 0
	for w := (route.Weights{Lines: lines}); w.Next(); {
		switch strings.ToLower(w.Value) {
		case "application/json", problemJSON:
			json = max(json, w.Weight)
		case "text/plain", "text/html", "text/*":
			text = max(text, w.Weight)
		}
	}
	return json > text
}

func writeText(w http.ResponseWriter, r *http.Request, status int, message string) {
	write(w, r, status, "text/plain; charset=utf-8", []byte(message+"\n"))
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, message string) {
	write(w, r, status, "application/json", append(appendJSON([]byte(`{"message":`), message), "}\n"...))
}

func write(w http.ResponseWriter, r *http.Request, status int, media string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) // an error means that the client is gone
	}
}
