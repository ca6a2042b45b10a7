package tally

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the classes of a Histogram; longer times are in one more class.
var bounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second,
	30 * time.Second, time.Minute,
}

// Histogram counts durations, from a few milliseconds to a minute, in classes. The zero value is ready.
type Histogram struct {
	classes [len(bounds) + 1]atomic.Int64
	sum     atomic.Int64
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.classes[i].Add(1)
	h.sum.Add(int64(d))
}

// Distribution is what a Histogram counted.
type Distribution struct {
	UpTo  [len(bounds)]int64 // how many were no longer than each of Bounds
	Count int64
	Sum   time.Duration
}

// Bounds returns the upper bounds of the classes.
func Bounds() []time.Duration { return bounds[:] }

// Read returns the counts so far.
func (h *Histogram) Read() Distribution {
	d := Distribution{Sum: time.Duration(h.sum.Load())}
	for i := range h.classes {
		d.Count += h.classes[i].Load()
		if i < len(bounds) {
			d.UpTo[i] = d.Count
		}
	}
	return d
}
