package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"pyindex/internal/fault"
)

// A body must move this many bytes within Options.Stall, so that a client cannot keep a connection with a byte now and
// then.
const (
	readStep  = 64 << 10
	writeStep = 256 << 10
)

// paceGrace is the waiting time allowed in addition to the time that Options.MinRate implies, so that a slow start or a
// short interruption does not abort an upload.
const paceGrace = time.Minute

// These bounds apply to the body of a refused request without a valid credential: how much of it is read, and for how
// long.
const (
	strangerBytes = 8 << 20
	strangerTime  = 10 * time.Second
)

// renewEvery is the age at which a read deadline is set again.
const renewEvery = 100 * time.Millisecond

// body is a request body that must make progress: readStep bytes within stall, and minRate bytes per second on average.
// Only the time spent waiting for the sender is measured, not the time spent processing data between two reads.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	minRate int64 // bytes a second; 0 for no bound

	got    int64         // bytes in total
	waited time.Duration // for them, in total
	since  int           // bytes since the last step
	still  time.Duration // waited since the last step
	until  time.Time     // when a drain gives up; zero for never

	set   time.Time // when the deadline was set
	begun bool      // a read has begun, so a sender that waits for "100 Continue" got it
	ended bool      // read to its end, or failed
}

// Read reads from the body. It returns fault.Invalid if the sender stalls or is too slow.
func (b *body) Read(p []byte) (int, error) {
	now := time.Now()
	if !b.begun || b.since >= readStep {
		b.since, b.still = 0, 0
	}
	if !b.begun || b.since == 0 || now.Sub(b.set) >= renewEvery {
		b.begun, b.set = true, now
		// not supported under httptest.ResponseRecorder, which has no sender to wait for
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
	b.control.SetReadDeadline(time.Time{}) // otherwise net/http mistakes a slow handler for a disconnected client
	return n, err
}

// deadline returns the deadline of a read that begins now.
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

// allowed returns how long we may have waited for the bytes received so far.
func (b *body) allowed() time.Duration {
	if b.minRate <= 0 {
		return 0
	}
	return paceGrace + time.Duration(float64(b.got)/float64(b.minRate)*float64(time.Second))
}

// late returns the reason why a body was aborted.
func (b *body) late(err error) error {
	if b.minRate > 0 && b.waited >= b.allowed() {
		return fault.Wrap(fault.Invalid, err,
			"the upload was slower than %d bytes per second and was aborted: use a faster connection, or ask the operator to lower limits.upload_min_rate", b.minRate)
	}
	return fault.Wrap(fault.Invalid, err, "the upload made no progress for %v and was aborted: try again", b.stall)
}

// drain reads the rest of the body, at most limit bytes, and reports whether it reached the end. Otherwise a client
// that sends its whole request before it reads would get a connection reset instead of the response. A client that
// waits for "100 Continue" is not asked to send. If stranger is set, the request had no valid credential, and less is
// read, for a shorter time.
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
