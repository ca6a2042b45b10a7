package db

import "sync/atomic"

// life lets all connections of a database be discarded. A connection opened before the last renewal does not return to
// its pool and is not handed out again.
type life struct{ generation atomic.Int64 }

// renew discards the connections opened so far, each as soon as it is idle.
func (l *life) renew() {
	if l != nil {
		l.generation.Add(1)
	}
}

// renewFrom calls renew unless the generation has changed since the caller read it.
func (l *life) renewFrom(generation int64) {
	if l != nil {
		l.generation.CompareAndSwap(generation, generation+1)
	}
}

// now returns the generation for a new connection.
func (l *life) now() int64 {
	if l == nil {
		return 0
	}
	return l.generation.Load()
}
