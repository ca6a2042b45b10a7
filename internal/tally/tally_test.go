package tally_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"pyindex/internal/tally"
)

// TestCounts counts from many goroutines, and finds every event.
func TestCounts(t *testing.T) {
	var c tally.Counts[string]
	if all := c.All(); len(all) != 0 {
		t.Errorf("All() of a new Counts = %v, want none", all)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				c.Add("one", 1)
				c.Add("two", 2)
			}
		})
	}
	wg.Wait()
	if got, want := c.All(), map[string]int64{"one": 8000, "two": 16000}; !maps.Equal(got, want) {
		t.Errorf("All() = %v, want %v", got, want)
	}
}

// TestCountsAreBounded adds more keys than a Counts takes, and finds that known keys still count.
func TestCountsAreBounded(t *testing.T) {
	var c tally.Counts[int]
	for i := range 5000 {
		c.Add(i, 1)
	}
	c.Add(0, 1)
	all := c.All()
	if len(all) != 1000 || all[0] != 2 {
		t.Errorf("%d keys, the first counted %d times; want 1000 and 2", len(all), all[0])
	}
}

// TestHistogram: a duration is counted in its class and in all longer ones, and those beyond all bounds in the total.
func TestHistogram(t *testing.T) {
	var h tally.Histogram
	for _, d := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond, 59 * time.Second, time.Hour} {
		h.Add(d)
	}
	got := h.Read()
	if got.Count != 5 || got.Sum != time.Hour+59*time.Second+11*time.Millisecond {
		t.Errorf("%d durations of %v in all, want 5 of 1h0m59.011s", got.Count, got.Sum)
	}
	want := map[time.Duration]int64{
		5 * time.Millisecond: 2, 10 * time.Millisecond: 3, 30 * time.Second: 3, time.Minute: 4,
	}
	for i, bound := range tally.Bounds() {
		if n, ok := want[bound]; ok && got.UpTo[i] != n {
			t.Errorf("%d up to %v, want %d", got.UpTo[i], bound, n)
		}
	}
}
