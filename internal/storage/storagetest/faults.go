package storagetest

import (
	"errors"
	"slices"
	"sync"

	"pyindex/internal/storage/db"
)

// ErrInjected is the error of an injected failure.
var ErrInjected = errors.New("injected failure")

// When specifies whether a failing step takes effect.
type When bool

// Before fails a step without running it. After runs the step and then fails it, as a lost response appears to a
// client.
const (
	Before When = false
	After  When = true
)

// Faults counts the steps of a store and makes one of them fail. The zero value lets all steps succeed.
type Faults struct {
	mu   sync.Mutex
	seen []string
	nth  int
	when When
}

// Arm makes the nth step from now, counted from 1, fail. 0 lets all steps succeed.
func (f *Faults) Arm(nth int, when When) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen, f.nth, f.when = nil, nth, when
}

// Seen returns the names of the steps since the last Arm.
func (f *Faults) Seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

func (f *Faults) step(name string, do func() error) error {
	f.mu.Lock()
	f.seen = append(f.seen, name)
	fail, when := len(f.seen) == f.nth, f.when
	f.mu.Unlock()
	if !fail {
		return do()
	}
	if when == After {
		return errors.Join(do(), ErrInjected)
	}
	return ErrInjected
}

// Hook counts the steps of a database's writer: begins, statements and commits, but not rollbacks.
func (f *Faults) Hook() db.Hook {
	return func(s db.Step, do func() error) error {
		if !s.Writer || s.Op == db.OpRollback {
			return do()
		}
		return f.step(string(s.Op)+" "+s.SQL, do)
	}
}
