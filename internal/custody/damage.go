package custody

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// SizeError is the error for stored content whose size, in bytes, differs from its row.
type SizeError struct {
	Key        string
	Size, Want int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has %d bytes instead of %d", e.Key, e.Size, e.Want)
}

// damage is the error for stored content that does not match its row.
type damage struct{ key, why string }

func (e *damage) Error() string { return e.key + " is damaged: " + e.why }

// Lasting reports whether err is about missing or damaged content, so that retrying does not help.
func Lasting(err error) bool { return isDamage(err) }

func isDamage(err error) bool {
	_, ok := errors.AsType[*damage](err)
	return ok
}

// sayEvery is the minimum time between two log lines about the same key.
const sayEvery = time.Minute

// said remembers the keys that were logged recently. The zero value is ready to use.
type said struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// first reports whether key was not logged in the last sayEvery.
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
