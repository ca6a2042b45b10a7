package issuertest

import (
	"bytes"
	"net/http"
	"time"
)

// Down answers 503.
func Down(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
}

// Hang answers nothing until the client leaves.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Trickle answers a byte at a time, for ever.
func Trickle(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(50 * time.Millisecond)
	}
}

// Huge answers 10 GB, or as much as the client takes.
func Huge(w http.ResponseWriter, _ *http.Request) {
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 10 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// Page answers 200 with HTML, as a captive portal does.
func Page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.Write([]byte("<html><script>alert(1)</script>please sign in</html>"))
}

// Redirect leads to a URL.
func Redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// JSON answers 200 with v.
func JSON(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, v) }
}
