package custody

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// SizeError says that a store has another number of bytes under a key than its row says.
type SizeError struct {
	Key        string
	Size, Want int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has %d bytes where %d are right", e.Key, e.Size, e.Want)
}

// damage is the error about bytes that are not what their row says.
type damage struct{ key, why string }

func (e *damage) Error() string { return e.key + " is damaged: " + e.why }

// Lasting reports whether err is about stored bytes that are missing or damaged, so that asking again does not help.
func Lasting(err error) bool { return isDamage(err) }

func isDamage(err error) bool {
	_, ok := errors.AsType[*damage](err)
	return ok
}

// sayEvery is how long the log is silent about a key that it named.
const sayEvery = time.Minute

// said remembers which keys the log named lately. The zero value is ready.
type said struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// first reports whether key was not named in the last sayEvery.
func (s *said) first(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[key]; ok && now.Sub(last) < sayEvery {
		return false
	}
	if s.last == nil || len(s.last) >= 10_000 {
		s.last = map[string]time.Time{}
	}
	s.last[key] = now
	return true
}
