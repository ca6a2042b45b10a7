package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"pyindex/internal/fault"
)

// progressStep is how many bytes a body must move within Options.Stall: one byte now and then does not keep a
// connection.
const (
	readStep  = 64 << 10
	writeStep = 256 << 10
)

// body is a request body whose deadline moves with its progress.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	since   int  // bytes since the deadline was moved
	begun   bool // the sender was told, or is taken, to go on
	ended   bool // read to its end, or broken
}

// Read is the body's, with fault.Invalid for one that stands still.
func (b *body) Read(p []byte) (int, error) {
	if !b.begun || b.since >= readStep {
		b.begun, b.since = true, 0
		b.control.SetReadDeadline(time.Now().Add(b.stall)) // not supported under httptest.ResponseRecorder; then there is no sender to wait for
	}
	n, err := b.ReadCloser.Read(p)
	b.since += n
	if err == nil {
		return n, nil
	}
	b.ended = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, fault.Wrap(fault.Invalid, err, "the upload stood still for %v and was given up: try again", b.stall)
	}
	b.control.SetReadDeadline(time.Time{}) // else net/http takes a slow handler for a client that went away
	return n, err
}

// drain reads what is left of the body, limit bytes at most, and reports whether none is left. A client that sends
// first and listens later would otherwise see a reset connection in place of the answer. One that waits for
// "100 Continue" is not asked to go on.
func (b *body) drain(r *http.Request, limit int64) bool {
	if b == nil || b.ended {
		return true
	}
	if !b.begun && r.Header.Get("Expect") != "" {
		return false
	}
	n, err := io.CopyN(io.Discard, b, limit)
	return n < limit && errors.Is(err, io.EOF)
}
