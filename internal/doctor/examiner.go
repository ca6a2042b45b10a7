package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Check examines one thing. Run should return when its context ends.
type Check struct {
	Name string
	Run  func(ctx context.Context, found *Findings)
}

// Report is the result of all checks.
type Report struct {
	Findings Findings
	At       time.Time
	Took     time.Duration
}

// Worst returns the worst status of the report: Failed, Warning or OK.
func (r Report) Worst() string {
	worst := OK
	for _, f := range r.Findings {
		if f.Status == Failed || f.Status == Warning && worst == OK {
			worst = f.Status
		}
	}
	return worst
}

// Bounds on examinations.
const (
	checkTime = 5 * time.Second // of each check; all run at once
	keepTime  = time.Minute     // how long a report is shown again
)

// Examiner runs checks and keeps the report for a minute. It is safe for concurrent use: callers at the same time share
// one examination.
type Examiner struct {
	checks []Check
	limit  time.Duration
	now    func() time.Time

	mu      sync.Mutex
	last    Report
	running chan struct{} // closed at the end of the examination in progress, or nil
}

// NewExaminer returns an Examiner. The report has the findings in the order of the checks.
func NewExaminer(checks ...Check) *Examiner {
	return &Examiner{checks: checks, limit: checkTime, now: time.Now}
}

// Examine returns a report that is at most a minute old. It takes five seconds at most: a check that takes longer is
// reported as a warning. It returns an error only if ctx ends first; the examination then goes on for the next caller.
func (e *Examiner) Examine(ctx context.Context) (Report, error) {
	e.mu.Lock()
	if !e.last.At.IsZero() && e.now().Sub(e.last.At) < keepTime {
		defer e.mu.Unlock()
		return e.last, nil
	}
	if e.running == nil {
		e.running = make(chan struct{})
		go e.examine(e.running)
	}
	done := e.running
	e.mu.Unlock()
	select {
	case <-ctx.Done():
		return Report{}, ctx.Err()
	case <-done:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last, nil
}

func (e *Examiner) examine(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), e.limit)
	defer cancel()
	began := e.now()
	results := make([]chan Findings, len(e.checks))
	for i, c := range e.checks {
		results[i] = make(chan Findings, 1)
		go func() { results[i] <- c.run(ctx) }()
	}
	var all Findings
	for i, c := range e.checks {
		all = append(all, c.await(ctx, results[i], e.limit)...)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = Report{Findings: all, At: began, Took: e.now().Sub(began)}
	e.running = nil
	close(done)
}

// run returns the findings of a check. A check that panics has failed.
func (c Check) run(ctx context.Context) (found Findings) {
	defer func() {
		if p := recover(); p != nil {
			found.Fail(c.Name, "Report this as a bug.", "%s", fmt.Sprint("the check broke: ", p))
		}
	}()
	c.Run(ctx, &found)
	return found
}

// await returns the findings of a check that has been started, or a warning if it does not end within the time. A check
// that ended at the last moment counts.
func (c Check) await(ctx context.Context, result <-chan Findings, limit time.Duration) (found Findings) {
	select {
	case found = <-result:
		return found
	case <-ctx.Done():
	}
	select {
	case found = <-result:
		return found
	case <-time.After(limit / 20): // checks that noticed the end of ctx
	}
	select {
	case found = <-result:
	default:
		found.Warn(c.Name, "Run index doctor on the server, which waits longer.", "the check did not end within %v", limit)
	}
	return found
}
