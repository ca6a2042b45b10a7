package app

import (
	"maps"
	"sync"
	"time"

	"pyindex/internal/metrics"
)

// tasks counts the runs of background work. The zero value is ready.
type tasks struct {
	mu  sync.Mutex
	all map[metrics.Task]metrics.Runs
}

// run runs a task, counts it, and returns its error.
func (t *tasks) run(name metrics.Task, f func() error) error {
	return t.remove(name, func() (int, error) { return 0, f() })
}

// remove is run for a task that returns how many objects it removed.
func (t *tasks) remove(name metrics.Task, f func() (int, error)) error {
	began := time.Now()
	removed, err := f()
	ended := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.all[name]
	n.Seconds += ended.Sub(began).Seconds()
	n.Removed += int64(removed)
	if err == nil {
		n.Succeeded++
		n.LastSuccess = ended
	} else {
		n.Failed++
	}
	if t.all == nil {
		t.all = map[metrics.Task]metrics.Runs{}
	}
	t.all[name] = n
	return err
}

func (t *tasks) runs() map[metrics.Task]metrics.Runs {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.all)
}
