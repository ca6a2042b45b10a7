package db

import "sync/atomic"

// life lets all connections of a database be given up: one that was made before the last renewal does not go back to
// its pool and is not handed out again.
type life struct{ generation atomic.Int64 }

// renew ends the connections made so far, each when nobody uses it.
func (l *life) renew() {
	if l != nil {
		l.generation.Add(1)
	}
}

// renewFrom is renew unless another one did since the generation was read.
func (l *life) renewFrom(generation int64) {
	if l != nil {
		l.generation.CompareAndSwap(generation, generation+1)
	}
}

// now returns what a new connection is to remember.
func (l *life) now() int64 {
	if l == nil {
		return 0
	}
	return l.generation.Load()
}
