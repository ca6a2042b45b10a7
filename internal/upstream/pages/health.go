package pages

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/tally"
	"pyindex/internal/upstream"
)

// source is what this process knows of an upstream.
type source struct {
	breaker
	probe probe

	asked, hits, stale, misses atomic.Int64
	errors                     sync.Map // by upstream.FailureKind, of *atomic.Int64
	latency                    histogram
	latencies                  tally.Histogram
	lastOK                     atomic.Int64 // in microseconds
	lastFailure                atomic.Pointer[lastFailure]
	pages                      atomic.Int64 // rows
}

type lastFailure struct {
	at   time.Time
	text string
}

// source returns what is known of an upstream.
func (p *Pages) source(name string) *source {
	if s, ok := p.sources.Load(name); ok {
		return s.(*source)
	}
	s, _ := p.sources.LoadOrStore(name, &source{breaker: breaker{rest: p.o.Rest}})
	return s.(*source)
}

func (s *source) succeeded(now time.Time) {
	s.succeed()
	s.lastOK.Store(now.UnixMicro())
}

func (s *source) fail(k Key, f *upstream.Failure, now time.Time) {
	if f.Kind == upstream.Wrong && f.Status == statusOK {
		s.withdraw(k) // its content is wrong, about which no other page tells anything
	} else {
		s.breaker.fail(k, f, now)
	}
	s.lastFailure.Store(&lastFailure{now, fault.Scrub(f.Error())})
}

// failed counts a request that was answered with a failure.
func (s *source) failed(k upstream.FailureKind) {
	n, ok := s.errors.Load(k)
	if !ok {
		n, _ = s.errors.LoadOrStore(k, &atomic.Int64{})
	}
	n.(*atomic.Int64).Add(1)
}

// Health returns how an upstream has been answering this process, and what is held of it, or false if nothing is known.
// The fields about files are zero.
func (p *Pages) Health(_ context.Context, u upstream.Upstream) (h upstream.Health, known bool, err error) {
	s := p.source(u.Name)
	h = upstream.Health{
		Asked:     s.asked.Load(),
		Hits:      s.hits.Load(),
		Stale:     s.stale.Load(),
		Misses:    s.misses.Load(),
		Latency50: s.latency.quantile(0.5),
		Latency90: s.latency.quantile(0.9),
		Latency:   s.latencies.Read(),
		Closed:    s.open(),
		Pages:     int(s.pages.Load()),
	}
	for _, n := range p.Errors(u) {
		h.Errors += n
	}
	if at := s.lastOK.Load(); at != 0 {
		h.LastOK = time.UnixMicro(at).UTC()
	}
	if f := s.lastFailure.Load(); f != nil {
		h.LastFailure, h.FailureText = f.at, f.text
	}
	if l := p.lists.of(u.Name); l != nil {
		h.Listed = l.names.Count()
		h.ListAge = max(p.now().Sub(l.FetchedAt), 0)
		known = true
	}
	return h, known || h.Asked+h.Hits+h.Stale+h.Errors > 0 || h.Pages > 0, nil
}

// Errors returns the number of requests for pages of an upstream that were answered with a failure, by kind.
func (p *Pages) Errors(u upstream.Upstream) map[upstream.FailureKind]int64 {
	out := map[upstream.FailureKind]int64{}
	p.source(u.Name).errors.Range(func(k, n any) bool {
		out[k.(upstream.FailureKind)] = n.(*atomic.Int64).Load()
		return true
	})
	return out
}

// histogram counts times in classes of which each is a fifth longer than the one before. Older times count less.
type histogram struct {
	counts [buckets]atomic.Int64
	total  atomic.Int64
}

const (
	buckets   = 80 // from 0.1 ms to more than two minutes
	shortest  = 100 * time.Microsecond
	growth    = 1.2
	remembers = 1000
)

func (h *histogram) add(d time.Duration) {
	i := 0
	if d > shortest {
		i = min(int(math.Log(float64(d)/float64(shortest))/math.Log(growth))+1, buckets-1)
	}
	h.counts[i].Add(1)
	if h.total.Add(1)%remembers == 0 {
		for i := range h.counts {
			h.counts[i].Add(-h.counts[i].Load() / 2)
		}
	}
}

// quantile returns a time that the given part of the times does not exceed, or 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	var n [buckets]int64
	total := int64(0)
	for i := range n {
		n[i] = h.counts[i].Load()
		total += n[i]
	}
	if total == 0 {
		return 0
	}
	need := int64(math.Ceil(q * float64(total)))
	sum := int64(0)
	for i := range n {
		if sum += n[i]; sum >= need {
			return time.Duration(float64(shortest) * math.Pow(growth, float64(i)))
		}
	}
	return time.Duration(float64(shortest) * math.Pow(growth, buckets-1))
}
