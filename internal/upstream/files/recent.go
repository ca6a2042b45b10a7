package files

import (
	"sync"
	"time"
)

// projectKey identifies a project at an upstream.
type projectKey struct{ upstream, project string }

// recent keeps what was read about projects lately: values by the path of a file, and a text that differs whenever they
// do. It is safe for concurrent use.
type recent[T any] struct {
	mu   sync.Mutex
	kept map[projectKey]dated[T]
}

type dated[T any] struct {
	values map[string]T
	text   string
	at     time.Time
}

// get returns what was read about a project after a time, or what read returns, which counts as read now.
func (r *recent[T]) get(k projectKey, now, after time.Time, read func() (map[string]T, string, error),
) (map[string]T, string, error) {
	r.mu.Lock()
	d, ok := r.kept[k]
	r.mu.Unlock()
	if ok && d.at.After(after) {
		return d.values, d.text, nil
	}
	values, text, err := read()
	if err != nil {
		return nil, "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= mostRemembered {
		r.kept = map[projectKey]dated[T]{}
	}
	r.kept[k] = dated[T]{values, text, now}
	return values, text, nil
}

// forget forgets what was read about the project of a row.
func (r *recent[T]) forget(row Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.kept, projectKey{row.Upstream, row.Project})
}
