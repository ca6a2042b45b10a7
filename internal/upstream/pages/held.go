package pages

import (
	"math"
	"sync/atomic"
	"time"
	"weak"

	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Freshness is what a caller demands of a page beyond the TTL of its upstream.
type Freshness int

// A client sends "no-cache" or "max-age=0" if it wants a page that was checked just now. Such callers wait for the
// upstream for a short time, and get what is held then.
const (
	Normal     Freshness = iota
	NoCache              // the page was checked at most 5 seconds ago
	MaxAgeZero           // the page was checked at most a minute ago
)

const (
	noCacheAge    = 5 * time.Second
	maxAgeZeroAge = time.Minute
	lowerAge      = time.Minute // between questions while the upstream states a lower serial
	skew          = time.Minute // between the clocks of replicas
)

// Held is a page that is held.
type Held struct {
	Absent    bool          // the upstream has no such project
	Revision  string        // changes if and only if the content does
	FetchedAt time.Time     // when the content was read
	Age       time.Duration // since the upstream last confirmed it
	Stale     time.Duration // by which Age exceeds the TTL; 0 if the page is fresh

	entry *entry
	pages *Pages
}

// Page returns the content, which callers share and must not modify. It decodes the record, except for callers who got
// the page soon after it was read.
func (h Held) Page() (page.Page, error) {
	switch {
	case h.entry == nil:
		return page.Page{}, nil
	case h.entry.page != nil:
		return *h.entry.page, nil
	case len(h.entry.Record) == 0:
		return page.Page{}, nil
	}
	if recent := h.entry.decoded.Load(); recent != nil {
		if p := recent.Value(); p != nil {
			return *p, nil
		}
	}
	p, err := page.Decode(h.entry.Record)
	if err != nil {
		h.pages.discard(h.entry)
		return page.Page{}, fault.Wrap(fault.Unavailable, err, "the stored page of %s cannot be read; try again",
			h.entry.Name)
	}
	h.entry.remember(&p)
	return p, nil
}

// entry is a page in memory. Only used, looked and decoded change.
type entry struct {
	Row
	page *page.Page // until it is encoded
	used atomic.Int64
	// looked is when an offline index last looked for a newer row, in seconds.
	looked atomic.Int64
	up     *source
	// left is set until the page is encoded, if what is remembered of files that left it is to be written, too.
	left bool
	// decoded is the content until the next garbage collection, for clients that ask for several files of a page.
	decoded atomic.Pointer[weak.Pointer[page.Page]]
}

func (e *entry) remember(p *page.Page) {
	w := weak.Make(p)
	e.decoded.Store(&w)
}

// The size of an entry in memory beside its record, in bytes, and of a file on a page that is not encoded yet.
const (
	entrySize = 600
	fileSize  = 400
)

func (e *entry) weight() int64 {
	n := entrySize + int64(len(e.Record))
	if e.page != nil {
		n += fileSize * int64(len(e.page.Files)+len(e.page.Gone))
	}
	return n
}

// since returns the time since the upstream last answered about the page.
func (e *entry) since(now time.Time) time.Duration {
	d := now.Sub(e.CheckedAt)
	if d < -skew { // a clock was wrong
		return math.MaxInt64
	}
	return max(d, 0)
}

// age returns the time since the upstream last confirmed the page.
func (e *entry) age(now time.Time) time.Duration {
	if !e.LowerSince.IsZero() && e.LowerSince.Before(e.CheckedAt) {
		return max(now.Sub(e.LowerSince), 0)
	}
	return e.since(now)
}

// of returns the entry, or nil if its page was read before the upstream was added: from another one of that name, which
// was removed.
func (e *entry) of(u *upstream.Upstream) *entry {
	if e == nil || e.OfURL < u.CreatedAt.UnixMicro() {
		return nil
	}
	return e
}

func ttl(u *upstream.Upstream) time.Duration {
	if u.TTL > 0 {
		return u.TTL
	}
	return upstream.DefaultTTL
}

func negativeTTL(u *upstream.Upstream) time.Duration {
	if u.NegativeTTL > 0 {
		return u.NegativeTTL
	}
	return upstream.DefaultNegativeTTL
}

// fresh reports whether the page may be used without asking.
func (e *entry) fresh(u *upstream.Upstream, now time.Time, f Freshness) bool {
	limit := ttl(u)
	if e.Absent {
		limit = negativeTTL(u)
	} else if !e.LowerSince.IsZero() {
		limit = min(limit, lowerAge)
	}
	switch f {
	case NoCache:
		limit = min(limit, noCacheAge)
	case MaxAgeZero:
		limit = min(limit, maxAgeZeroAge)
	}
	return e.OfURL == u.Revision && e.since(now) < limit
}

// soon reports whether the page may be served while a newer one is being fetched.
func (e *entry) soon(u *upstream.Upstream, now time.Time) bool {
	return e.OfURL == u.Revision && !e.Absent && e.age(now) < ttl(u)+u.StaleWhileRevalidate
}

// usable reports whether the page may be served if the upstream fails or is slow. The page of an earlier URL may be.
func (e *entry) usable(u *upstream.Upstream, now time.Time) bool {
	if e == nil {
		return false
	}
	if e.Absent {
		return e.fresh(u, now, Normal)
	}
	return e.age(now) < ttl(u)+max(u.StaleWhileRevalidate, u.StaleIfError)
}

// held returns the page for a caller.
func (p *Pages) held(e *entry, u *upstream.Upstream, now time.Time) Held {
	age := e.age(now)
	h := Held{
		Absent:    e.Absent,
		Revision:  e.Revision,
		FetchedAt: e.FetchedAt,
		Age:       age,
		entry:     e,
		pages:     p,
	}
	if limit := ttl(u); !e.Absent && age >= limit {
		h.Stale = max(age-limit, time.Second)
	}
	return h
}

// touch notes that the page was used.
func (e *entry) touch(now time.Time) {
	if t := now.Unix(); t != e.used.Load() { // a load first, so that readers do not contend for the cache line
		e.used.Store(t)
	}
}
