package journal

import (
	"io"
	"sync"
	"time"
)

// Every is the longest time that a line waits for others.
const Every = 100 * time.Millisecond

const (
	atOnce     = 64        // lines within Every that are written at once, so that only a busy server's wait
	batch      = 32 << 10  // pending bytes that are written without waiting longer
	maxPending = 256 << 10 // pending bytes beyond which callers wait for the sink
	maxSpare   = 2 * batch // size of the largest buffer that is kept for reuse
)

// Writer collects lines and writes several of them at a time. It is safe for concurrent use.
type Writer struct {
	to io.Writer

	mu      sync.Mutex
	written sync.Cond // signaled after each write
	pending []byte    // lines that are not written yet
	spare   []byte    // the buffer that was written last
	busy    bool      // a write is in progress
	paced   bool      // the timer runs
	ahead   int       // lines that were written at once since it was started
	timer   *time.Timer
}

// NewWriter returns a Writer to an io.Writer. Errors of that one are ignored, as log/slog does.
func NewWriter(to io.Writer) *Writer {
	w := &Writer{to: to}
	w.written.L = &w.mu
	w.timer = time.AfterFunc(Every, w.tick)
	w.timer.Stop()
	return w
}

// Write adds a line. It always returns len(line) and nil.
func (w *Writer) Write(line []byte) (int, error) {
	w.add(line, false)
	return len(line), nil
}

// Flush returns when all lines that were added before the call are written.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
}

// add adds a line. If now is set, add returns when the line is written.
func (w *Writer) add(line []byte, now bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy && len(w.pending)+len(line) > maxPending {
		w.written.Wait()
	}
	w.pending = append(w.pending, line...)
	switch {
	case now:
		w.flush()
	case w.busy: // the batch is written by the next caller, or when the timer ends
		w.pace()
	case w.pace() || len(w.pending) >= batch:
		w.flush()
	}
}

// pace starts the time within which lines are counted. It reports whether the next line should be written at once.
func (w *Writer) pace() bool {
	if !w.paced {
		w.paced, w.ahead = true, 0
		w.timer.Reset(Every)
	}
	w.ahead++
	return w.ahead <= atOnce
}

// tick writes the lines that waited, and lets more of them wait. If there are none, the next lines are written at once.
func (w *Writer) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paced = false
	if len(w.pending) > 0 {
		w.pace()
		w.ahead = atOnce
		w.flush()
	}
}

// flush writes the pending lines after a write that is in progress. It is called with mu held, and releases it while it
// writes.
func (w *Writer) flush() {
	for w.busy {
		w.written.Wait()
	}
	if len(w.pending) == 0 {
		return
	}
	lines := w.pending
	w.pending, w.spare, w.busy = w.spare[:0], nil, true
	w.mu.Unlock()
	defer func() { // also if a sink panics
		w.mu.Lock()
		if w.busy = false; cap(lines) <= maxSpare {
			w.spare = lines[:0]
		}
		w.written.Broadcast()
	}()
	w.to.Write(lines)
}
