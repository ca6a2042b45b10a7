package ready_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pyindex/internal/memo"
	"pyindex/internal/simpleapi/ready"
)

// at returns a stamp of the first epoch.
func at(serial int64) memo.Stamp { return memo.Stamp{Value: serial} }

// rendering counts its calls.
type rendering struct {
	calls  atomic.Int32
	serial int64
	size   int
	before func() // what happens meanwhile
	err    error
}

func (r *rendering) make(context.Context) (*ready.Answer, error) {
	r.calls.Add(1)
	if r.before != nil {
		r.before()
	}
	if r.err != nil {
		return nil, r.err
	}
	return ready.NewAnswer("text/html", at(r.serial), bytes.Repeat([]byte("x"), r.size)), nil
}

func fill(t *testing.T, c *ready.Cache, id string, e ready.Encoding, serial int64, r *rendering) *ready.Answer {
	t.Helper()
	a, err := c.Fill(t.Context(), ready.Key{ID: id}, e, at(serial), r.make)
	if err != nil {
		t.Error(err) // not Fatal: readers come from many goroutines
	}
	return a
}

func TestCacheFindsTheSerialAskedFor(t *testing.T) {
	c := ready.NewCache(1 << 20)
	fill(t, c, "p", ready.Identity, 5, &rendering{serial: 5, size: 10})
	k := ready.Key{ID: "p"}
	for serial, want := range map[int64]bool{4: false, 5: true, 6: false} {
		if got := c.Find(k, ready.Identity, at(serial)) != nil; got != want {
			t.Errorf("Find at serial %d = %v, want %v", serial, got, want)
		}
	}
	for _, k := range []ready.Key{{ID: "q"}, {ID: "p", Variant: "1"}, {ID: "p", Form: 1}} {
		if c.Find(k, ready.Identity, at(5)) != nil {
			t.Errorf("Find(%+v) found another key's answer", k)
		}
	}
	if c.Find(k, ready.Gzip, at(5)) != nil {
		t.Error("Find found another encoding's answer")
	}
}

func TestCacheRendersOnceForAllEncodings(t *testing.T) {
	c, r := ready.NewCache(1<<20), &rendering{serial: 1, size: 5000}
	for range 3 {
		for _, e := range []ready.Encoding{ready.Zstd, ready.Gzip, ready.Identity} {
			fill(t, c, "p", e, 1, r)
		}
	}
	if got := r.calls.Load(); got != 1 {
		t.Errorf("rendered %d times, want once", got)
	}
}

func TestCacheIsBoundedInBytes(t *testing.T) {
	const limit = 100_000
	c := ready.NewCache(limit)
	for i := range 200 {
		fill(t, c, fmt.Sprint(i), ready.Gzip, 1, &rendering{serial: 1, size: 5000})
		if got := c.Size(); got > limit {
			t.Fatalf("the cache holds %d bytes, want at most %d", got, limit)
		}
	}
	if c.Find(ready.Key{ID: "199"}, ready.Identity, at(1)) == nil {
		t.Error("the newest answer is gone")
	}
	if c.Find(ready.Key{ID: "0"}, ready.Identity, at(1)) != nil {
		t.Error("the answer that was unused the longest is still there")
	}
}

func TestCacheLeavesOutWhatIsTooBig(t *testing.T) {
	c := ready.NewCache(10_000)
	fill(t, c, "small", ready.Identity, 1, &rendering{serial: 1, size: 10})
	if a := fill(t, c, "big", ready.Identity, 1, &rendering{serial: 1, size: 50_000}); len(a.Body()) != 50_000 {
		t.Errorf("got %d bytes, want them all", len(a.Body()))
	}
	if c.Find(ready.Key{ID: "big"}, ready.Identity, at(1)) != nil ||
		c.Find(ready.Key{ID: "small"}, ready.Identity, at(1)) == nil {
		t.Error("an answer above the bound was kept, or drove out the others")
	}
}

func TestCacheReplacesOldSerials(t *testing.T) {
	c := ready.NewCache(1 << 20)
	fill(t, c, "p", ready.Identity, 1, &rendering{serial: 1, size: 5000})
	before := c.Size()
	fill(t, c, "p", ready.Identity, 2, &rendering{serial: 2, size: 5000})
	if got := c.Size(); got != before {
		t.Errorf("after a change the cache holds %d bytes, want %d as before", got, before)
	}
	fill(t, c, "p", ready.Identity, 1, &rendering{serial: 1, size: 5000})
	if c.Find(ready.Key{ID: "p"}, ready.Identity, at(2)) == nil {
		t.Error("a late reader of an old serial drove out the new answer")
	}
}

func TestCacheDoesNotKeepAnotherSerial(t *testing.T) {
	c, r := ready.NewCache(1<<20), &rendering{serial: 2, size: 10}
	if a := fill(t, c, "p", ready.Gzip, 1, r); a.Serial() != 2 {
		t.Errorf("got serial %d, want that of the rendering, 2", a.Serial())
	}
	for serial := int64(1); serial <= 2; serial++ {
		if c.Find(ready.Key{ID: "p"}, ready.Identity, at(serial)) != nil {
			t.Errorf("an answer that changed meanwhile is kept at serial %d", serial)
		}
	}
}

func TestCacheMergesColdReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c, r := ready.NewCache(1<<20), &rendering{serial: 1, size: 5000, before: func() { <-open }}
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() { fill(t, c, "p", ready.Encoding(i%3), 1, r) })
		}
		synctest.Wait() // all of them hang on the one rendering
		close(open)
		wg.Wait()
		if got := r.calls.Load(); got != 1 {
			t.Errorf("1,000 readers at once rendered %d times, want once", got)
		}
	})
}

func TestCacheLeaderMayLeave(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := ready.NewCache(1 << 20)
	_, err := c.Fill(ctx, ready.Key{ID: "p"}, ready.Identity, at(1), func(ctx context.Context) (*ready.Answer, error) {
		cancel()
		return (&rendering{serial: 1}).make(ctx)
	})
	if err != nil || c.Find(ready.Key{ID: "p"}, ready.Identity, at(1)) == nil {
		t.Errorf("the rendering of a disconnected client = %v, want it stored for the others", err)
	}
}

func TestCacheWaiterMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c, r := ready.NewCache(1<<20), &rendering{serial: 1, before: func() { <-open }}
		go c.Fill(t.Context(), ready.Key{ID: "p"}, ready.Identity, at(1), r.make)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Fill(ctx, ready.Key{ID: "p"}, ready.Identity, at(1), r.make); !errors.Is(err, context.Canceled) {
			t.Errorf("a waiting client that disconnected got %v, want context.Canceled", err)
		}
		close(open)
	})
}

func TestCacheFailureIsTheLeadersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open, denied := make(chan struct{}), errors.New("not for you")
		c := ready.NewCache(1 << 20)
		leader := &rendering{err: denied, before: func() { <-open }}
		go func() {
			if _, err := c.Fill(t.Context(), ready.Key{ID: "p"}, ready.Identity, at(1), leader.make); !errors.Is(err, denied) {
				t.Errorf("the leader got %v, want its own failure", err)
			}
		}()
		synctest.Wait()
		go fill(t, c, "p", ready.Identity, 1, &rendering{serial: 1})
		synctest.Wait()
		close(open)
		synctest.Wait()
	})
}

func TestCachePanicReleasesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := ready.NewCache(1 << 20)
		go func() {
			defer func() { recover() }()
			c.Fill(t.Context(), ready.Key{ID: "p"}, ready.Identity, at(1),
				(&rendering{before: func() { <-open; panic("broken") }}).make)
		}()
		synctest.Wait()
		go fill(t, c, "p", ready.Identity, 1, &rendering{serial: 1})
		synctest.Wait()
		close(open)
		synctest.Wait()
	})
}

func TestCacheWithoutRoom(t *testing.T) {
	c, r := ready.NewCache(-1), &rendering{serial: 1, size: 10}
	for range 3 {
		fill(t, c, "p", ready.Gzip, 1, r)
	}
	if r.calls.Load() != 3 || c.Size() != 0 {
		t.Errorf("a cache without room rendered %d times and holds %d bytes, want 3 and 0", r.calls.Load(), c.Size())
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	c := ready.NewCache(1 << 20)
	fill(t, c, "p", ready.Gzip, 1, &rendering{serial: 1, size: 5000})
	if n := testing.AllocsPerRun(100, func() { c.Find(ready.Key{ID: "p"}, ready.Gzip, at(1)) }); n != 0 {
		t.Errorf("Find allocates %v times, want never", n)
	}
}

// TestCacheOfAnotherEpoch: an equal, a lower and a higher serial of a later epoch are rendered again and cached. A late
// answer of the earlier epoch does not replace them.
func TestCacheOfAnotherEpoch(t *testing.T) {
	k := ready.Key{ID: "p"}
	put := func(c *ready.Cache, at memo.Stamp, body string) {
		t.Helper()
		_, err := c.Fill(t.Context(), k, ready.Gzip, at, func(context.Context) (*ready.Answer, error) {
			return ready.NewAnswer("text/html", at, []byte(body)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, serial := range []int64{4, 5, 6} {
		c := ready.NewCache(1 << 20)
		put(c, memo.Stamp{Epoch: 1, Value: 5}, "lost")
		later := memo.Stamp{Epoch: 2, Value: serial}
		if a := c.Find(k, ready.Gzip, later); a != nil {
			t.Errorf("Find(%v) = %q of an earlier epoch", later, a.Body())
		}
		put(c, later, "right")
		put(c, memo.Stamp{Epoch: 1, Value: 9}, "lost too")
		if a := c.Find(k, ready.Gzip, later); a == nil || string(a.Body()) != "right" {
			t.Errorf("Find(%v) does not find the answer of its own epoch", later)
		}
	}
}
