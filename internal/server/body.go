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

// paceGrace is how long a body may be waited for beside what Options.MinRate gives for its bytes: a slow start, or a
// link that breaks for a moment, ends no upload.
const paceGrace = time.Minute

// How much of a refused body is read, and for how long, if its sender is nobody.
const (
	strangerBytes = 8 << 20
	strangerTime  = 10 * time.Second
)

// renewEvery is how old the deadline of a connection may be before the next read sets it again.
const renewEvery = 100 * time.Millisecond

// body is a request body that must keep moving: readStep bytes within stall, and minRate bytes a second on the average.
// Only time in which a read waits for the sender counts, not what is done with the bytes between two reads.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	minRate int64 // bytes a second; 0 for no bound

	got    int64         // bytes in all
	waited time.Duration // for them, in all
	since  int           // bytes since the last step
	still  time.Duration // waited since the last step
	until  time.Time     // by when a drain gives up; zero for never

	set   time.Time // when the deadline was set
	begun bool      // the sender was told, or is taken, to go on
	ended bool      // read to its end, or broken
}

// Read is the body's, with fault.Invalid for one that stands still or is too slow.
func (b *body) Read(p []byte) (int, error) {
	now := time.Now()
	if !b.begun || b.since >= readStep {
		b.since, b.still = 0, 0
	}
	if !b.begun || b.since == 0 || now.Sub(b.set) >= renewEvery {
		b.begun, b.set = true, now
		// not supported under httptest.ResponseRecorder; then there is no sender to wait for
		b.control.SetReadDeadline(b.deadline(now))
	}
	n, err := b.ReadCloser.Read(p)
	waited := time.Since(now)
	b.got, b.since = b.got+int64(n), b.since+n
	b.waited, b.still = b.waited+waited, b.still+waited
	if err == nil {
		return n, nil
	}
	b.ended = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, b.late(err)
	}
	b.control.SetReadDeadline(time.Time{}) // else net/http takes a slow handler for a client that went away
	return n, err
}

// deadline is how long a read that begins now may wait.
func (b *body) deadline(now time.Time) time.Time {
	end := now.Add(b.stall - b.still)
	if pace := now.Add(b.allowed() - b.waited); b.minRate > 0 && pace.Before(end) {
		end = pace
	}
	if !b.until.IsZero() && b.until.Before(end) {
		end = b.until
	}
	return end
}

// allowed is how long the bytes that came may have been waited for.
func (b *body) allowed() time.Duration {
	if b.minRate <= 0 {
		return 0
	}
	return paceGrace + time.Duration(float64(b.got)/float64(b.minRate)*float64(time.Second))
}

// late says why a body was given up.
func (b *body) late(err error) error {
	if b.minRate > 0 && b.waited >= b.allowed() {
		return fault.Wrap(fault.Invalid, err,
			"the upload was slower than %d bytes a second and was given up: send it over a faster connection, or have the operator lower limits.upload_min_rate", b.minRate)
	}
	return fault.Wrap(fault.Invalid, err, "the upload stood still for %v and was given up: try again", b.stall)
}

// drain reads what is left of the body, limit bytes at most, and reports whether none is left. A client that sends
// first and listens later would otherwise see a reset connection in place of the answer. One that waits for
// "100 Continue" is not asked to go on. For a stranger, who sent no credential that is good, little is read and not for
// long.
func (b *body) drain(r *http.Request, limit int64, stranger bool) bool {
	if b == nil || b.ended {
		return true
	}
	if !b.begun && r.Header.Get("Expect") != "" {
		return false
	}
	if stranger {
		limit = min(limit, strangerBytes)
		b.until, b.set = time.Now().Add(strangerTime), time.Time{}
	}
	n, err := io.CopyN(io.Discard, b, limit)
	return n < limit && errors.Is(err, io.EOF)
}
