package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/upstream"
)

// TestPlaces: no more requests than places run at once, files hold no place of a page, and who waits too long is told.
func TestPlaces(t *testing.T) {
	var running, most atomic.Int64
	release := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if r.URL.Path == "/file" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-release
			return
		}
		time.Sleep(5 * time.Millisecond)
		html(w, r)
	})
	o := small()
	o.Places, o.Queue = 3, 2*time.Second
	c := New(o)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := get(t, c, u); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most.Load() > 3 {
		t.Errorf("%d requests at once", most.Load())
	}
	c.queue.wait = 20 * time.Millisecond
	var bodies []upstream.Body
	for range 3 {
		b, err := c.Open(t.Context(), u, u.Origin()+"/file", 0)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, b)
	}
	_, err := c.Open(t.Context(), u, u.Origin()+"/file", 0)
	if f := fails(t, "a fourth file", err, upstream.Busy, "no place"); f.RetryAfter <= 0 {
		t.Errorf("RetryAfter %v", f.RetryAfter)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Open(ctx, u, u.Origin()+"/file", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := get(t, c, u); err != nil {
		t.Errorf("a page beside files: %v", err)
	}
	bodies[0].Close()
	bodies[0].Close()
	if b, err := c.Open(t.Context(), u, u.Origin()+"/file", 0); err != nil {
		t.Errorf("after one was closed: %v", err)
	} else {
		b.Close()
	}
	close(release)
	for _, b := range bodies {
		b.Close()
	}
	if n := len(c.queue.hosts); n != 0 {
		t.Errorf("%d hosts are kept", n)
	}
}

// TestPlacesAfterFailures: every way in which a request ends returns its place.
func TestPlacesAfterFailures(t *testing.T) {
	o := small()
	o.Places, o.Queue = 1, 100*time.Millisecond
	o.Stall = 50 * time.Millisecond
	c := New(o)
	for _, text := range []string{
		"", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /simple/foo/\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
	} {
		u := answer(t, text)
		for range 2 {
			if _, err := get(t, c, u); err == nil {
				t.Errorf("%q: no failure", text)
			} else if f, _ := errors.AsType[*upstream.Failure](err); f == nil || f.Kind == upstream.Busy {
				t.Errorf("%q: %v", text, err)
			}
			b, err := c.Open(t.Context(), u, u.Origin()+"/f", 1)
			if err == nil {
				b.Close()
			} else if f, _ := errors.AsType[*upstream.Failure](err); f == nil || f.Kind == upstream.Busy {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
	if n := len(c.queue.hosts); n != 0 {
		t.Errorf("%d hosts are kept", n)
	}
}

// TestRetryAfter: an upstream that asks for a rest gets one, within bounds, and nothing else is held up.
func TestRetryAfter(t *testing.T) {
	var status int
	var after string
	var asked atomic.Int64
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		if status == 200 {
			html(w, r)
		}
	})
	var at clock
	at.at.Store(1_790_000_000)
	for _, c := range []struct {
		status int
		after  string
		want   time.Duration
	}{
		{429, "", time.Second},
		{429, "7", 7 * time.Second},
		{429, "0", time.Second},
		{429, "-5", time.Second},
		{429, "86400", time.Minute},
		{429, "99999999999999999999", time.Minute},
		{429, "soon", time.Second},
		{429, at.now().Add(20 * time.Second).UTC().Format(http.TimeFormat), 20 * time.Second},
		{429, at.now().Add(-time.Hour).UTC().Format(http.TimeFormat), time.Second},
		{429, at.now().Add(1000 * time.Hour).UTC().Format(http.TimeFormat), time.Minute},
		{503, "3", 3 * time.Second},
		{503, "30", 30 * time.Second},
	} {
		at.at.Store(1_790_000_000)
		o := small()
		o.Now = at.now
		client := New(o)
		status, after = c.status, c.after
		_, err := get(t, client, u)
		if f := fails(t, c.after, err, upstream.Busy, ""); f.RetryAfter != c.want || f.Status != c.status {
			t.Errorf("%d, %q: %v, status %d, want %v", c.status, c.after, f.RetryAfter, f.Status, c.want)
		}
		status, after = 200, ""
		before, rest := asked.Load(), c.want
		if c.status == 503 {
			rest = min(rest, maxOutage)
		}
		_, err = get(t, client, u)
		if f := fails(t, "resting", err, upstream.Busy, "for a while"); f.RetryAfter != rest || asked.Load() != before {
			t.Errorf("%q: resting %v, asked %d times", c.after, f.RetryAfter, asked.Load()-before)
		}
		other := u
		other.Name = "other"
		if _, err := get(t, client, other); err != nil {
			t.Errorf("another upstream: %v", err)
		}
		at.advance(rest)
		if _, err := get(t, client, u); err != nil {
			t.Errorf("%q: after the rest: %v", c.after, err)
		}
	}
	status, after = 503, ""
	_, err := get(t, New(small()), u)
	fails(t, "503 without a time", err, upstream.Wrong, "503")
}
