package doctor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func statuses(r Report) (out []string) {
	for _, f := range r.Findings {
		out = append(out, f.Check+" "+f.Status)
	}
	return out
}

// TestExamineIsBounded: a check that hangs or breaks is reported, does not delay the others, and the report comes in
// time. Findings keep the order of the checks.
func TestExamineIsBounded(t *testing.T) {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	e := NewExaminer(
		Check{"slow", func(context.Context, *Findings) { <-forever }},
		Check{"broken", func(context.Context, *Findings) { panic("ouch") }},
		Check{"good", func(_ context.Context, f *Findings) { f.OK("good", "fine") }},
		Check{"patient", func(ctx context.Context, f *Findings) { <-ctx.Done(); f.Fail("patient", "", "%v", ctx.Err()) }},
	)
	e.limit = 100 * time.Millisecond
	began := time.Now()
	r, err := e.Examine(t.Context())
	if took := time.Since(began); err != nil || took > 5*time.Second {
		t.Fatalf("Examine() = %v after %v", err, took)
	}
	want := []string{"slow warning", "broken failed", "good ok", "patient failed"}
	if got := statuses(r); !slices.Equal(got, want) || r.Worst() != Failed {
		t.Errorf("Examine() found %v, the worst %s; want %v", got, r.Worst(), want)
	}
}

// TestExamineIsShared: callers at the same time cause one examination, and so do all within a minute.
func TestExamineIsShared(t *testing.T) {
	var runs atomic.Int64
	now := time.Now()
	var mu sync.Mutex
	e := NewExaminer(Check{"x", func(_ context.Context, f *Findings) {
		time.Sleep(20 * time.Millisecond)
		runs.Add(1)
		f.OK("x", "fine")
	}})
	e.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	ask := func() {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if r, err := e.Examine(t.Context()); err != nil || len(r.Findings) != 1 {
					t.Errorf("Examine() = %v, %v", r, err)
				}
			})
		}
		wg.Wait()
	}
	ask()
	ask()
	if n := runs.Load(); n != 1 {
		t.Errorf("%d examinations within a minute, want 1", n)
	}
	mu.Lock()
	now = now.Add(keepTime)
	mu.Unlock()
	ask()
	if n := runs.Load(); n != 2 {
		t.Errorf("%d examinations after a minute, want 2", n)
	}
}

// TestExamineOutlivesItsCaller: a caller that leaves gets an error, and the next one the report.
func TestExamineOutlivesItsCaller(t *testing.T) {
	begin := make(chan struct{})
	e := NewExaminer(Check{"x", func(_ context.Context, f *Findings) { <-begin; f.OK("x", "fine") }})
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := e.Examine(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("Examine() of a caller that left = %v", err)
	}
	close(begin)
	if r, err := e.Examine(t.Context()); err != nil || len(r.Findings) != 1 {
		t.Errorf("Examine() = %v, %v", r, err)
	}
}
