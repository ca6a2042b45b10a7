package access

import (
	"regexp"
	"testing"
	"time"
)

// TestNewID: ids of one process are different and sort by time.
func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{20}$`)
	last := ""
	for range 10_000 {
		id := NewID()
		if !form.MatchString(id) {
			t.Fatalf("NewID() = %q", id)
		}
		if id <= last {
			t.Fatalf("NewID() = %q after %q", id, last)
		}
		last = id
	}
}

// TestIDAt: ids of different times sort by them, and the random bits distinguish ids of one time.
func TestIDAt(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	first, second := IDAt(now, 1), IDAt(now, 2)
	if first == second {
		t.Errorf("IDAt() = %q for different random bits", first)
	}
	if later := IDAt(now.Add(time.Millisecond), 0); later <= first || later <= second {
		t.Errorf("IDAt() a millisecond later = %q, not after %q and %q", later, first, second)
	}
	before := NewID()[:11]
	if at := IDAt(time.Now(), 0)[:11]; at < before {
		t.Errorf("IDAt() = %q at a time after NewID() = %q", at, before)
	}
}
