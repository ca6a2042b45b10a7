package db_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClock is a clock that the test advances.
type fakeClock struct{ minutes atomic.Int64 }

func (c *fakeClock) now() time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(c.minutes.Load()) * time.Minute)
}
func (c *fakeClock) add() { c.minutes.Add(1) }

func moveAway(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
