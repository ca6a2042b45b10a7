package legacyupload_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"pyindex/internal/storage/db"
)

var errBroken = errors.New("the test broke this step")

// breaker makes one step fail, before or after its effect. It is armed for one upload at a time.
type breaker struct {
	at    atomic.Int64 // number of the failing step from 1, or 0
	late  bool
	count atomic.Int64
}

func (b *breaker) arm(n int64) {
	b.count.Store(0)
	b.at.Store(n)
}

// step runs a step, or fails before or after it.
func (b *breaker) step(do func() error) error {
	n, at := b.count.Add(1), b.at.Load()
	if n != at {
		return do()
	}
	if b.late {
		if err := do(); err != nil {
			return err
		}
	}
	return errBroken
}

// mend makes all steps succeed and reports whether one had failed.
func (b *breaker) mend() bool {
	at := b.at.Swap(0)
	return b.count.Load() >= at
}

// Each step of an upload fails once, before or after its effect. Whatever the response was, every listed file is
// complete, and repeating the upload succeeds.
func TestCrash(t *testing.T) {
	for _, late := range []bool{false, true} {
		for name, site := range map[string]func(t *testing.T, b *breaker) *site{
			"database": breakDatabase, "bytes": breakBytes,
		} {
			t.Run(fmt.Sprintf("%s, late %v", name, late), func(t *testing.T) {
				b := &breaker{late: late}
				s := site(t, b)
				steps := s.breakEach(b)
				if steps < 4 {
					t.Errorf("an upload took %d steps, want several", steps)
				}
				t.Logf("broke %d steps", steps)
			})
		}
	}
}

func breakDatabase(t *testing.T, b *breaker) *site {
	return newSite(t, setting{hook: func(s db.Step, do func() error) error {
		if s.Op == db.OpRollback { // a transaction that does not end is a broken connection, which the driver handles
			return do()
		}
		return b.step(do)
	}})
}

// breakEach uploads one release for every step, with that step broken, until no step is left.
func (s *site) breakEach(b *breaker) (steps int) {
	s.t.Helper()
	for n := int64(1); n < 500; n++ {
		d := wheel("demo", fmt.Sprintf("1.%d", n), "")
		b.arm(n)
		a, err := s.try(request{token: s.token, parts: d.parts()})
		broken := b.mend()
		if err != nil {
			s.t.Errorf("step %d: %v", n, err)
		}
		s.whole(fmt.Sprintf("step %d: after %v", n, a))
		if again := s.upload(d); again.status != 200 {
			s.t.Errorf("step %d: after %v, the retry is %v", n, a, again)
		}
		s.whole(fmt.Sprintf("step %d: after the retry", n))
		if !broken {
			return int(n) - 1
		}
		if a.status != 200 && a.status != 500 && a.status != 503 {
			s.t.Errorf("step %d: the broken upload is %v, want 500 or 503", n, a)
		}
	}
	s.t.Error("an upload takes more than 500 steps")
	return 0
}

// whole reads every listed file completely.
func (s *site) whole(when string) {
	s.t.Helper()
	for _, f := range s.stored() {
		s.opens(f)
		if f.MetadataSHA256 != "" && f.Size == 0 {
			s.t.Errorf("%s: %s is empty", when, f.Filename)
		}
	}
}
