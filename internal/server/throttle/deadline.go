package throttle

import (
	"errors"
	"net"
	"os"
	"time"
)

// patience is about how long a connection does not look whether its client disconnected during a request. net/http
// looks at the start of each request, and most requests end before that is of use.
const patience = 50 * time.Millisecond

// deadline is a deadline of a connection in Unix nanoseconds, 0 for none. net/http moves several in each request, and
// mostly to a later time. Such a move is only noted: if the connection then reports a deadline that is no longer
// wanted, the wanted one is set and the operation continues. The caller sees the times that it set.
type deadline struct {
	want int64
	set  int64 // the one that the connection has, never later than want
}

// move notes a deadline, and reports whether the connection needs it now.
func (d *deadline) move(to int64) bool {
	d.want = to
	return to != 0 && (d.set == 0 || to < d.set)
}

// passed reports whether the wanted deadline has passed.
func (d *deadline) passed() bool { return d.want != 0 && d.want <= time.Now().UnixNano() }

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixNano(), 1)
}

func moment(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at)
}

// longAgo is later than the deadlines by which net/http ends a read that is in progress, and earlier than all others.
const longAgo = int64(time.Hour)

func ends(at int64) bool { return at != 0 && at < longAgo }

// SetDeadline sets both deadlines.
func (c *counted) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of Read.
func (c *counted) SetReadDeadline(t time.Time) error {
	at := nanos(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	needed := c.in.move(at)
	switch {
	case ends(at) && !c.reading: // Read checks for it
		c.unpark(true)
		return nil
	case !needed:
		return nil
	}
	c.in.set = at
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of Write and ReadFrom.
func (c *counted) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.out.move(nanos(t)) {
		return nil
	}
	c.out.set = c.out.want
	return c.Conn.SetWriteDeadline(t)
}

// Read reads from the connection. A read of one byte without a deadline is net/http's look for a disconnected client,
// which begins after patience, and mostly not at all.
func (c *counted) Read(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p) == 1 && c.in.want == 0 {
		c.park()
	}
	for {
		if ends(c.in.want) {
			return 0, os.ErrDeadlineExceeded
		}
		c.reading = true
		c.mu.Unlock()
		n, err = c.Conn.Read(p)
		c.mu.Lock()
		c.reading = false
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.in.passed() {
			return n, err
		}
		c.in.set = c.in.want
		if err := c.Conn.SetReadDeadline(moment(c.in.set)); err != nil {
			return 0, err
		}
	}
}

// Write writes to the connection.
func (c *counted) Write(p []byte) (n int, err error) {
	for {
		m, err := c.Conn.Write(p[n:])
		n += m
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if again, _ := c.renewWrite(); !again {
			return n, err
		}
	}
}

// renewWrite sets the wanted deadline of writing, and reports whether it has not passed.
func (c *counted) renewWrite() (again bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.passed() {
		return false, nil
	}
	c.out.set = c.out.want
	err = c.Conn.SetWriteDeadline(moment(c.out.set))
	return err == nil, err
}

// park waits until the read is ended by its deadline or Close, or patience is over. It is called with mu held, and
// releases it meanwhile.
func (c *counted) park() {
	c.parked, c.rounds = true, 0
	c.gate.watch()
	for c.parked {
		c.wake.Wait()
	}
}

// unpark ends park.
func (c *counted) unpark(now bool) {
	if c.rounds++; c.parked && (now || c.rounds > 1) {
		c.parked = false
		c.wake.Signal()
	}
}

// watch starts the next round of the parked connections, if it has not started.
func (g *Gate) watch() {
	if g.watching.CompareAndSwap(false, true) {
		g.rounds.Reset(patience)
	}
}

// round lets the connections read that have been parked since the previous round.
func (g *Gate) round() {
	g.watching.Store(false) // a connection that parks from now on starts the next round
	g.mu.Lock()
	defer g.mu.Unlock()
	left := false
	for c := range g.open {
		c.mu.Lock()
		c.unpark(false)
		left = left || c.parked
		c.mu.Unlock()
	}
	if left {
		g.watch()
	}
}

var _ net.Conn = (*counted)(nil)
