package access

import (
	"sync"
	"time"
)

// uses collects the times of last use, by id, until they are written to the store.
type uses struct {
	mu      sync.Mutex
	pending map[string]time.Time // not written yet
	noted   map[string]time.Time // when each id was last noted
}

func newUses() *uses { return &uses{pending: map[string]time.Time{}, noted: map[string]time.Time{}} }

// note records a use, at most once in noteEvery.
func (u *uses) note(id string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.noted[id]; ok && at.Sub(last) < noteEvery {
		return
	}
	if len(u.noted) >= maxKnown {
		clear(u.noted)
	}
	u.noted[id], u.pending[id] = at, at
}

func (u *uses) last(id string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.noted[id]
}

func (u *uses) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.pending
	u.pending = map[string]time.Time{}
	return out
}
