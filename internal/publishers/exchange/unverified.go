package exchange

import (
	"log/slog"
	"sync"
	"time"
)

// unverifiedEvery is the shortest interval between log lines about unverified tokens.
const unverifiedEvery = time.Minute

// unverified counts tokens that were refused before their signature was verified. Anyone can send those, so they have
// no audit entry: each is in the log as a request, and a periodic line reports their number.
type unverified struct {
	mu     sync.Mutex
	total  int64 // since the process started
	told   int64 // number already logged
	at     time.Time
	reason string // of the newest
	from   string // its address
}

// add counts a token. It logs the number unless it did so less than unverifiedEvery ago.
func (u *unverified) add(log *slog.Logger, at time.Time, from, reason string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total, u.from, u.reason = u.total+1, from, reason
	if at.Sub(u.at) >= unverifiedEvery {
		u.tell(log, at)
	}
}

func (u *unverified) tell(log *slog.Logger, at time.Time) {
	log.Warn("identity tokens were refused unverified", "count", u.total-u.told, "since_start", u.total, "last_reason",
		u.reason, "last_remote", u.from)
	u.told, u.at = u.total, at
}

// LogUnverified logs the number of tokens refused unverified since the last such log line.
func (m *Minter) LogUnverified() {
	u := &m.unverified
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.total > u.told {
		u.tell(m.o.Log, m.rules.Now())
	}
}

// Unverified returns how many tokens this process refused before their signature was verified.
func (m *Minter) Unverified() int64 {
	m.unverified.mu.Lock()
	defer m.unverified.mu.Unlock()
	return m.unverified.total
}
