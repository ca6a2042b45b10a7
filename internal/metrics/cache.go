package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Bounds on the questions to the database.
const (
	stateEvery  = 5 * time.Second // shorter than the usual interval of a scraper
	totalsEvery = time.Minute
	// totalsShare is how many times as long as the last reading took the next one waits at least
	totalsShare = 50
	totalsUntil = 10 * time.Minute
	scrapeWait  = 2 * time.Second        // for the first value, or a newer one
	renewWait   = 200 * time.Millisecond // for newer totals
	readTime    = 30 * time.Second       // deadline of one reading
)

// cache keeps a value that takes long to read. Any number of callers cause one reading at a time, which goes on when
// they no longer wait.
type cache[T any] struct {
	read  func(ctx context.Context) (T, error)
	every time.Duration // a value is not read again before
	share int           // nor before this many times the duration of the reading
	until time.Duration // a value of the same version is read again after this time
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	last    cached[T]
	version int64         // of the value that was read last
	next    time.Time     // no reading before
	reading chan struct{} // closed at the end of the reading in progress, or nil
	failing bool
}

// cached is the last value that was read, and the error of a later reading.
type cached[T any] struct {
	value T
	at    time.Time
	known bool
	err   error
}

// get returns the last value. It reads a newer one if it may, and waits for it, but not longer than the given time.
func (c *cache[T]) get(wait time.Duration) cached[T] { return c.getAt(-1, wait) }

// getAt is get, but reads only if the version differs from that of the last value, or if that is old. -1 always
// differs.
func (c *cache[T]) getAt(version int64, wait time.Duration) cached[T] {
	c.mu.Lock()
	known := c.last.known
	stale := !known || c.last.err != nil || version == -1 || version != c.version ||
		c.now().Sub(c.last.at) >= c.until
	if c.reading == nil && stale && !c.now().Before(c.next) {
		c.reading = make(chan struct{})
		go c.renew(version, c.reading)
	}
	reading := c.reading
	c.mu.Unlock()
	if known && version != -1 {
		wait = min(wait, renewWait)
	}
	if reading != nil {
		timeout := time.NewTimer(wait)
		defer timeout.Stop()
		select {
		case <-reading:
		case <-timeout.C:
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

func (c *cache[T]) renew(version int64, done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	began := c.now()
	value, err := c.read(ctx)
	took := c.now().Sub(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.last, c.version = cached[T]{value: value, at: began, known: true}, version
	} else {
		c.last.err = err
	}
	if failed := err != nil; failed != c.failing {
		c.failing = failed
		if failed {
			c.log.Warn("the metrics of the database cannot be read", "error", err)
		} else {
			c.log.Info("the metrics of the database can be read again")
		}
	}
	c.next = began.Add(max(c.every, time.Duration(c.share)*took))
	c.reading = nil
	close(done)
}
