package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
)

// TestListenerOfItsOwn: the listener serves /metrics and nothing else, to requests with the token if there is one.
func TestListenerOfItsOwn(t *testing.T) {
	const secret = "0123456789abcdef0123456789"
	for _, c := range []struct {
		token               access.Secret
		method, path, sends string
		want                int
	}{
		{"", "GET", "/metrics", "", 200},
		{"", "GET", "/", "", 404},
		{"", "POST", "/metrics", "", 405},
		{"", "GET", "/debug/pprof/", "", 404},
		{secret, "GET", "/metrics", "", 401},
		{secret, "GET", "/metrics", "Bearer " + secret, 200},
		{secret, "GET", "/metrics", "Bearer " + secret[1:], 401},
		{secret, "GET", "/metrics", "Bearer " + secret + "0", 401},
		{secret, "GET", "/metrics", "Basic " + secret, 401},
		{secret, "GET", "/metrics", "Bearer", 401},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- New(Program{Version: "1.0"}, slog.New(slog.DiscardHandler)).Serve(ctx, l, c.token) }()
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+l.Addr().String()+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if c.sends != "" {
			r.Header.Set("Authorization", c.sends)
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(got.Body)
		got.Body.Close()
		if got.StatusCode != c.want || (c.want == 200) != strings.Contains(string(body), `version="1.0"`) {
			t.Errorf("token %t: %s %s with %.10q = %d %.100s, want %d", c.token != "", c.method, c.path, c.sends,
				got.StatusCode, body, c.want)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve() = %v", err)
		}
	}
}

// TestTotalsAreBounded: however often the metrics are read, rows are counted again only after a change, at most once a
// minute, and less often if it takes long. An old count is served meanwhile.
func TestTotalsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	var reads atomic.Int64
	took := time.Duration(0)
	var failure error
	c := &cache[int64]{
		every: totalsEvery, share: totalsShare, until: totalsUntil, log: slog.New(slog.DiscardHandler),
		now: func() time.Time { return now },
		read: func(context.Context) (int64, error) {
			now = now.Add(took)
			return reads.Add(1), failure
		},
	}
	for i, x := range []struct {
		after   time.Duration
		version int64
		takes   time.Duration
		fails   bool
		reads   int64 // afterwards
		value   int64
	}{
		{0, 1, 0, false, 1, 1},
		{time.Second, 2, 0, false, 1, 1},      // within the minute
		{2 * time.Minute, 1, 0, false, 1, 1},  // no change
		{0, 2, 10 * time.Second, false, 2, 2}, // a change, and a slow count
		{4 * time.Minute, 3, 0, false, 2, 2},  // 50 times 10 s are not over
		{5 * time.Minute, 3, 0, false, 3, 3},  // now they are
		{totalsUntil, 3, 0, false, 4, 4},      // without a change, after ten minutes
		{2 * time.Minute, 5, 0, true, 5, 4},   // the database is away: the old count stays
		{time.Second, 5, 0, false, 5, 4},      // and is not asked each time
		{2 * time.Minute, 5, 0, false, 6, 6},
	} {
		now, took, failure = now.Add(x.after), x.takes, nil
		if x.fails {
			failure = errors.New("away")
		}
		got := c.getAt(x.version, scrapeWait)
		if reads.Load() != x.reads || got.value != x.value || (got.err != nil) != (x.fails || i == 8) {
			t.Errorf("step %d: %d reads, value %d, error %v; want %d and %d", i, reads.Load(), got.value, got.err, x.reads,
				x.value)
		}
	}
}

// TestSlowStateDoesNotHoldUpAScrape: a scrape gets the other metrics although the database hangs.
func TestSlowStateDoesNotHoldUpAScrape(t *testing.T) {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	var asked atomic.Int64
	c := &cache[State]{
		every: stateEvery, log: slog.New(slog.DiscardHandler), now: time.Now,
		read: func(context.Context) (State, error) { asked.Add(1); <-forever; return State{}, nil },
	}
	began := time.Now()
	for range 5 {
		if got := c.get(20 * time.Millisecond); got.known {
			t.Error("a state is known although none was read")
		}
	}
	if took := time.Since(began); took > 5*time.Second || asked.Load() != 1 {
		t.Errorf("five scrapes took %v and asked %d times, want once", took, asked.Load())
	}
}
