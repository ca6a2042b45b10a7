package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pyindex/internal/access"
)

// response is the http.ResponseWriter passed to handlers. It counts bytes, preserves sendfile, and extends the write
// deadline as data is sent. It must not be used after the handler returns.
type response struct {
	w        http.ResponseWriter
	r        *http.Request
	server   *Server
	body     *body // nil if the request has none
	row      *row  // nil until a route is selected
	caller   access.Caller
	start    time.Time
	address  string
	id       string
	err      error
	stack    []byte // of a panic
	status   int    // 0 until the header is written
	bytes    int64  // of the response body, written so far
	since    int64  // bytes written since the deadline was last extended
	hijacked bool
	attrs    []slog.Attr // room for those of the log line; kept for the next request
}

func (w *response) Header() http.Header { return w.w.Header() }

// Unwrap supports http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.w }

// WriteHeader sends the status. Every 401 carries a Basic challenge, because installers send their credentials only in
// reply to one.
func (w *response) WriteHeader(status int) {
	if status >= 200 && w.status == 0 {
		w.status = status
		w.complete()
		if w.body != nil { // begin removed the deadline for the duration of the upload and its checks
			w.move()
		}
	}
	w.w.WriteHeader(status)
}

// complete adds the headers that depend on the status, and a warning if the response may be stale (RFC 7234, 5.5.1).
func (w *response) complete() {
	if away := w.server.o.Away; away != nil {
		if age, stale := away(); stale {
			w.Header().Set("Warning",
				fmt.Sprintf(`110 - "the database has not answered for %d s: this response is from memory"`, int(age.Seconds())))
		}
	}
	if h := w.w.Header(); w.status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h["Www-Authenticate"] = w.server.challenge
	}
}

// Write sends p in steps, each with its own deadline.
func (w *response) Write(p []byte) (n int, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	for len(p) > writeStep {
		m, err := w.w.Write(p[:writeStep])
		n += m
		w.count(int64(m))
		if err != nil {
			return n, err
		}
		p = p[writeStep:]
	}
	m, err := w.w.Write(p)
	w.count(int64(m))
	return n + m, err
}

// ReadFrom sends src. It uses sendfile if src is a file or a section of one.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := w.w.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	whole, ok := src.(*io.LimitedReader) // net/http unwraps one LimitedReader, not two
	if !ok {
		whole = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	piece := &io.LimitedReader{R: whole.R}
	for whole.N > 0 {
		size := min(whole.N, writeStep*4)
		piece.N = size
		m, err := to.ReadFrom(piece)
		n, whole.N = n+m, whole.N-m
		w.count(m)
		if err != nil || m < size {
			return n, err
		}
	}
	return n, nil
}

// count adds n to the bytes written and extends the deadline after each step.
func (w *response) count(n int64) {
	w.bytes += n
	w.since += n
	if w.since >= writeStep {
		w.move()
	}
}

func (w *response) move() {
	w.since = 0
	// not supported under httptest.ResponseRecorder
	http.NewResponseController(w.w).SetWriteDeadline(time.Now().Add(w.server.o.Stall))
}

func (w *response) Flush() { http.NewResponseController(w.w).Flush() }

// Hijack takes over the connection. It returns an error if the protocol does not allow it, as HTTP/2.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := w.w.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("this connection cannot be taken over")
	}
	conn, rw, err := h.Hijack()
	w.hijacked = err == nil
	return conn, rw, err
}
