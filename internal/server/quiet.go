package server

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// quietTime is the minimum interval between two log lines with the same cause.
const quietTime = time.Second

// maxCausesKept bounds the causes that are tracked separately.
const maxCausesKept = 64

// quiet allows one line per second and cause and counts the rest: during an outage every request fails, and the log
// must not fill the disk. The zero quiet is ready to use.
type quiet struct {
	waiting atomic.Int64 // omitted lines not reported yet
	mu      sync.Mutex
	causes  map[string]*repeated
}

type repeated struct {
	cause   string // as it was logged
	at      time.Time
	leftOut int64
}

// pass reports whether a line with this cause may be written now, and how many were omitted before it.
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

// rest returns and forgets the causes with omitted lines that have not recurred for quietTime. It is cheap if no lines
// were omitted.
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
