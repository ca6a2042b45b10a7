package files

import (
	"context"
	"time"
)

// The limits that tests compare with.
const (
	HoldBack = holdBack
	MaxWhole = maxWhole
	Window   = window
)

// SetTimes shortens the waits: of followers, for slow clients, for whole files, and between looks at other processes.
func (f *Files) SetTimes(follower, slow, whole, look time.Duration) {
	f.times.follower, f.times.slow, f.times.whole, f.times.look = follower, slow, whole, look
	f.times.row = 10 * time.Millisecond
}

// SetRowTime sets how long a row is used without reading it again.
func (f *Files) SetRowTime(d time.Duration) { f.times.row = d }

// SetIdle sets how long content must be unused before it is evicted.
func (f *Files) SetIdle(d time.Duration) { f.times.idle = d }

// Flights returns the number of downloads.
func (f *Files) Flights() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.flights)
}

// MakeRoom is what an upload on a full disk calls.
func (f *Files) MakeRoom(ctx context.Context, need int64) bool { return f.makeRoom(ctx, need) }
