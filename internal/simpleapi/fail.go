package simpleapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// retryAfter is how many seconds a client should wait. pip repeats a 429 and a 503 only where it is told a time.
const retryAfter = "5"

// fail writes an error: a line of text, or JSON to who prefers that. The server adds the challenge of a 401.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := describe(w, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if !custody.Lasting(err) {
		route.RetryLater(h, status, retryAfter)
	}
	if status != http.StatusNotAcceptable && prefersJSON(r.Header["Accept"]) {
		writeJSON(w, r, status, message)
		return
	}
	writeText(w, r, status, message)
}

// describe chooses status and words. An internal error shows the id under which the log has the rest.
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

// prefersJSON reports whether the client names application/json and likes no text as much. A page is never of that
// type, but an error may be.
func prefersJSON(lines []string) bool {
	json, text := 0, 0
	for w := (route.Weights{Lines: lines}); w.Next(); {
		switch strings.ToLower(w.Value) {
		case "application/json":
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
		w.Write(body) // an error is the reader's going away
	}
}
