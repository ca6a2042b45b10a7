package issuertest

import (
	"bytes"
	"net/http"
	"time"
)

// Down responds with 503.
func Down(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
}

// Hang does not respond until the client disconnects.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Trickle responds with one byte at a time, without end.
func Trickle(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(50 * time.Millisecond)
	}
}

// Huge responds with 10 GB, or as much as the client reads.
func Huge(w http.ResponseWriter, _ *http.Request) {
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 10 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// Page responds with 200 and HTML, as a captive portal does.
func Page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.Write([]byte("<html><script>alert(1)</script>please sign in</html>"))
}

// Redirect redirects to a URL.
func Redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// JSON responds with 200 and v.
func JSON(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, v) }
}
