package server

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// quietTime is how often one cause may be logged.
const quietTime = time.Second

// maxCausesKept bounds the causes that are told apart.
const maxCausesKept = 64

// quiet lets one line a second through for each cause and counts the others: an outage fails every request, and the log
// that says why must not fill a disk. The zero quiet is ready.
type quiet struct {
	waiting atomic.Int64 // lines left out that no line has told of
	mu      sync.Mutex
	causes  map[string]*repeated
}

type repeated struct {
	cause   string // as it was logged
	at      time.Time
	leftOut int64
}

// pass reports whether a line about a cause may be written now, and how many were left out before it.
func (q *quiet) pass(cause string, now time.Time) (leftOut int64, ok bool) {
	key := strings.Map(withoutDigits, cause) // ports and addresses of connections differ
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.causes[key]
	if r == nil {
		if q.causes == nil || len(q.causes) >= maxCausesKept {
			q.causes = map[string]*repeated{}
			q.waiting.Store(0)
		}
		q.causes[key] = &repeated{cause: cause, at: now}
		return 0, true
	}
	if now.Sub(r.at) < quietTime {
		r.leftOut++
		q.waiting.Add(1)
		return 0, false
	}
	leftOut, r.at, r.leftOut = r.leftOut, now, 0
	q.waiting.Add(-leftOut)
	return leftOut, true
}

// rest returns the causes of which lines were left out and none came since, and forgets them. It costs nothing while
// there are none.
func (q *quiet) rest(now time.Time) (out []repeated) {
	if q.waiting.Load() == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, r := range q.causes {
		if r.leftOut > 0 && now.Sub(r.at) >= quietTime {
			out = append(out, *r)
			q.waiting.Add(-r.leftOut)
			delete(q.causes, key)
		}
	}
	return out
}

func withoutDigits(r rune) rune {
	if '0' <= r && r <= '9' {
		return -1
	}
	return r
}
