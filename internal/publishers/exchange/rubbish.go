package exchange

import (
	"log/slog"
	"sync"
	"time"
)

// rubbishEvery is how often refused tokens that nobody verified make a line in the log, at most.
const rubbishEvery = time.Minute

// rubbish counts tokens that were refused before their signature was verified. Anybody can send those, so they leave no row:
// each is in the log as a request, and their number in a line of its own.
type rubbish struct {
	mu     sync.Mutex
	total  int64 // since the process began
	told   int64 // how many of them were logged
	at     time.Time
	reason string // of the newest
	from   string // its address
}

// add counts a token, and logs how many there were unless that was logged a moment ago.
func (r *rubbish) add(log *slog.Logger, at time.Time, from, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total, r.from, r.reason = r.total+1, from, reason
	if at.Sub(r.at) >= rubbishEvery {
		r.tell(log, at)
	}
}

// flush logs what add counted and did not log.
func (r *rubbish) flush(log *slog.Logger, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total > r.told {
		r.tell(log, at)
	}
}

func (r *rubbish) tell(log *slog.Logger, at time.Time) {
	log.Warn("identity tokens were refused unverified", "count", r.total-r.told, "since_start", r.total, "last_reason", r.reason, "last_remote", r.from)
	r.told, r.at = r.total, at
}

// LogUnverified logs how many tokens were refused unverified, as far as that was not logged yet.
func (m *Minter) LogUnverified() { m.rubbish.flush(m.o.Log, m.rules.Now()) }

// Unverified returns how many tokens this process refused before their signature was verified.
func (m *Minter) Unverified() int64 {
	m.rubbish.mu.Lock()
	defer m.rubbish.mu.Unlock()
	return m.rubbish.total
}
