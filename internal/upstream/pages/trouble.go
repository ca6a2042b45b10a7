package pages

import (
	"errors"
	"sync"
	"time"

	"pyindex/internal/upstream"
)

const (
	maxFailures = 3               // in a row, before questions stop for Options.Rest
	retryAfter  = 5 * time.Second // between questions about a page that failed, while an older one is held
	maxNotes    = 20_000
)

// note is what is known of a page whose last question has not been answered.
type note struct {
	asked    time.Time
	failures int
	until    time.Time // no question before it
	failure  *upstream.Failure
}

// noteAsked notes that a page is being asked for.
func (p *Pages) noteAsked(k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.notes[k]
	if n == nil {
		for other := range p.notes {
			if len(p.notes) < maxNotes {
				break
			}
			delete(p.notes, other)
		}
		n = &note{}
		p.notes[k] = n
	}
	n.asked = p.now()
}

func (p *Pages) forgetNote(k Key) {
	p.mu.Lock()
	delete(p.notes, k)
	p.mu.Unlock()
}

// refuses reports whether the upstream shall not be asked about a page now, with the reason if it is a failure: the
// page or the upstream failed three times in a row, or, if something usable is held, the last question was just now.
func (p *Pages) refuses(u *upstream.Upstream, k Key, f Freshness, usable bool, now time.Time,
) (*upstream.Failure, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flights[k] != nil {
		return nil, false
	}
	n := p.notes[k]
	if n != nil && n.failure != nil && now.Before(n.until) {
		return n.failure, true
	}
	if failure := p.source(u.Name).closed(k, now); failure != nil {
		return failure, true
	}
	window := retryAfter
	if f == MaxAgeZero {
		window = maxAgeZeroAge
	}
	return nil, n != nil && usable && now.Sub(n.asked) < window
}

// failed notes that a question was not answered, and returns the failure.
func (p *Pages) failed(u *upstream.Upstream, k Key, err error) error {
	var f *upstream.Failure
	if !errors.As(err, &f) {
		f = &upstream.Failure{Upstream: u.Name, Kind: upstream.Silent, Err: err}
	}
	now, up := p.now(), p.source(u.Name)
	if f.Kind == upstream.Loop { // the fault of the request
		up.withdraw(k)
		p.forgetNote(k)
		return f
	}
	up.fail(k, f, now)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.notes[k]; n != nil {
		n.failure = f
		if n.failures++; n.failures >= maxFailures {
			n.until = now.Add(p.o.Rest)
		}
	}
	return f
}

// breaker stops questions to an upstream that fails. When its time is over, one question decides whether it goes on.
type breaker struct {
	rest     time.Duration
	mu       sync.Mutex
	failures int // in a row
	first    Key // of the row
	several  bool
	until    time.Time
	trial    bool // the one question is being asked
	trialOf  Key
	failure  *upstream.Failure
}

// closed returns the last failure if a question about a page would not be asked now.
func (b *breaker) closed(k Key, now time.Time) *upstream.Failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.blocked(k, now)
}

func (b *breaker) blocked(k Key, now time.Time) *upstream.Failure {
	if b.until.IsZero() || !now.Before(b.until) && (!b.trial || b.trialOf == k) {
		return nil
	}
	return b.failure
}

// open reports whether questions are stopped, so that the next one is only asked to find out.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.until.IsZero()
}

// begin returns the last failure if a question must not be asked now. Otherwise fail, succeed or withdraw must follow.
func (b *breaker) begin(k Key, now time.Time) *upstream.Failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.blocked(k, now); f != nil {
		return f
	}
	if !b.until.IsZero() {
		b.trial, b.trialOf = true, k
	}
	return nil
}

func (b *breaker) withdraw(k Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trialOf == k {
		b.trial = false
	}
}

// fail counts a failure. An answer that is wrong may be about its project alone, so that questions about others stop
// only if more than one project is affected.
func (b *breaker) fail(k Key, f *upstream.Failure, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trialOf == k {
		b.trial = false
	}
	if b.failures == 0 {
		b.first = k
	}
	b.failures++
	b.several = b.several || k != b.first || f.Kind == upstream.Silent || f.Kind == upstream.Busy
	b.failure = f
	if b.failures >= maxFailures && b.several {
		b.until = now.Add(b.rest)
	}
}

func (b *breaker) succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.several, b.until, b.trial, b.failure = 0, false, time.Time{}, false, nil
}
