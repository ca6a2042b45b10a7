package access

import (
	"sync"
	"time"
)

// uses remembers when things were last used, by id, until it is written down.
type uses struct {
	mu      sync.Mutex
	pending map[string]time.Time // not written yet
	noted   map[string]time.Time // when each was last noted
}

func newUses() *uses { return &uses{pending: map[string]time.Time{}, noted: map[string]time.Time{}} }

// note remembers a use, at most once in noteEvery.
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

// last returns when a thing was last noted here, zero for never.
func (u *uses) last(id string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.noted[id]
}

// take returns what is to be written and forgets it.
func (u *uses) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.pending
	u.pending = map[string]time.Time{}
	return out
}
