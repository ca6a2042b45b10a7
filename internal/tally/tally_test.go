package tally_test

import (
	"maps"
	"sync"
	"testing"

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
