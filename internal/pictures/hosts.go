package pictures

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"pyindex/internal/fault"
)

// hosts shares the places for fetches among the sites that pictures are on, so that one that does not answer holds up
// no other. The names of one registrable domain are one site.
type hosts struct {
	now    func() time.Time
	known  map[string]bool // of the settings: "host" or "host:port"
	places chan struct{}   // of all sites

	mu  sync.Mutex
	all map[string]*site
}

// site is a site that is being asked, or that timed out.
type site struct {
	places  chan struct{}
	users   int           // fetches and those that wait for a place
	slow    chan struct{} // closed when a fetch times out
	until   time.Time     // not asked before then
	expired bool          // slow is closed
}

func newHosts(now func() time.Time, known map[string]bool) *hosts {
	return &hosts{now: now, known: known, places: make(chan struct{}, fetchesAtOnce), all: map[string]*site{}}
}

var errBusy = fault.Later(fault.Unavailable, 5*time.Second, "too many pictures are being fetched, try again later")

// siteOf returns the name of the site of an address. A host of the settings is a site of its own.
func (h *hosts) siteOf(u *url.URL) string {
	host, name := strings.ToLower(u.Host), strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if h.known[host] || h.known[name] {
		return host
	}
	if a, err := netip.ParseAddr(name); err == nil {
		if p, err := a.Prefix(48); err == nil && a.Is6() && !a.Is4In6() {
			return p.String() // what one owner of addresses usually has
		}
		return a.Unmap().String()
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return domain
	}
	return name // a public suffix, or a name without dots
}

// enter waits for a place of a site. It returns a fault.Unavailable at once if the site timed out within the last
// minute or too many fetches wait for it already, and after maxWait if there is no place by then. The caller must call
// leave.
func (h *hosts) enter(ctx context.Context, name string) (*site, error) {
	h.mu.Lock()
	s := h.all[name]
	if s == nil || s.users == 0 && s.expired && !h.now().Before(s.until) {
		s = &site{places: make(chan struct{}, fetchesOfSite), slow: make(chan struct{})}
		h.all[name] = s
	}
	if s.expired {
		wait := s.until.Sub(h.now())
		h.mu.Unlock()
		return nil, errSlow(wait)
	}
	if s.users >= fetchesOfSite+waitingForSite {
		h.mu.Unlock()
		return nil, errBusy
	}
	s.users++
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case s.places <- struct{}{}:
		return s, nil
	case <-s.slow:
		h.done(name, s)
		return nil, errSlow(keepSlow)
	case <-ctx.Done():
		h.done(name, s)
		return nil, errBusy
	}
}

func errSlow(wait time.Duration) error {
	return fault.Later(fault.Unavailable, max(wait, time.Second), "the host of the picture did not answer in time")
}

// leave returns a place. A site that timed out is not asked again for a minute.
func (h *hosts) leave(name string, s *site, timedOut bool) {
	<-s.places
	if timedOut {
		h.mu.Lock()
		if s.until = h.now().Add(keepSlow); !s.expired {
			s.expired = true
			close(s.slow)
		}
		h.mu.Unlock()
	}
	h.done(name, s)
}

// done forgets a site that no one asks, unless it timed out. The rate of fetches bounds the number of sites that timed
// out within a minute.
func (h *hosts) done(name string, s *site) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.users--; s.users == 0 && !s.expired && h.all[name] == s {
		delete(h.all, name)
	}
	if !s.expired {
		return
	}
	for name, old := range h.all {
		if old.users == 0 && old.expired && !h.now().Before(old.until) {
			delete(h.all, name)
		}
	}
}

// trail holds the places of a fetch: that of its site, and those of the sites that it was redirected to.
type trail struct {
	hosts  *hosts
	visits []*visit
	since  time.Time // of the last visit
}

type visit struct {
	name string
	site *site
	took time.Duration
}

type trailKey struct{}

// visit waits for a place of the site of an address, unless the fetch has one.
func (t *trail) visit(ctx context.Context, u *url.URL) error {
	t.tick()
	name := t.hosts.siteOf(u)
	if i := slices.IndexFunc(t.visits, func(v *visit) bool { return v.name == name }); i >= 0 {
		v := t.visits[i]
		t.visits = append(slices.Delete(t.visits, i, i+1), v)
		return nil
	}
	s, err := t.hosts.enter(ctx, name)
	if err == nil {
		t.visits = append(t.visits, &visit{name: name, site: s})
	}
	t.since = time.Now()
	return err
}

// tick adds the time since the last visit to that of its site.
func (t *trail) tick() {
	if now := time.Now(); len(t.visits) > 0 {
		t.visits[len(t.visits)-1].took += now.Sub(t.since)
		t.since = now
	}
}

// leave returns all places. If the fetch timed out, the site that took most of the time is to blame: a site cannot get
// another one blamed by a late redirect.
func (t *trail) leave(timedOut bool) {
	t.tick()
	var slowest *visit
	for _, v := range t.visits {
		if slowest == nil || v.took > slowest.took {
			slowest = v
		}
	}
	for _, v := range t.visits {
		t.hosts.leave(v.name, v.site, timedOut && v == slowest)
	}
}
