package idtoken

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"pyindex/internal/fault"
)

// How keys are kept.
const (
	fetchBudget = 3 * time.Second // discovery and keys together
	// of a token for a fetch, which goes on without it: the exchange answers within a second
	waitBudget = 900 * time.Millisecond
	refreshAge = 10 * time.Minute // older keys are still used, and fetched anew meanwhile
	staleAge   = 15 * time.Minute // older keys are used only where new ones cannot be had
	maxAge     = 24 * time.Hour   // keys older than this are used no more
	coolDown   = 30 * time.Second // after a fetch that failed, or that did not bring the key it was made for
)

// inBackground, as a key's id, is for a fetch that no token caused: strangers cannot make it happen, so nothing has to
// cool down after it.
const inBackground = ""

// keySet is an issuer's keys, fetched when needed. A stranger who makes up key ids costs the issuer one fetch for each
// cool-down; the price is that a key which comes into use within a cool-down is refused until its end.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	keys    map[string][]crypto.PublicKey
	fetched time.Time     // when keys was right; zero for never
	cooled  time.Time     // no fetch before this
	failure error         // of the last fetch
	flight  chan struct{} // closed at the end of the fetch under way; nil for none
}

func newKeySet(issuer string, client *http.Client, o Options) *keySet {
	return &keySet{issuer: issuer, client: client, now: o.Now, log: o.Log.With("issuer", issuer)}
}

// find returns the keys with an id, usually one. It waits for a fetch where the id is not known or the keys are stale.
// Without any usable keys the error is fault.Unavailable, else it says that the id is unknown.
func (s *keySet) find(ctx context.Context, kid string) ([]crypto.PublicKey, error) {
	budget := time.NewTimer(waitBudget)
	defer budget.Stop()
	for range 2 { // a fetch that was under way may have been too early for a key that is new
		keys, flight := s.look(kid)
		if keys != nil {
			return keys, nil
		}
		if flight == nil {
			break
		}
		landed, err := wait(ctx, flight, budget.C)
		if err != nil {
			return nil, err
		}
		if !landed {
			break
		}
	}
	return s.settle(kid)
}

// warm starts the first fetch. One that fails is not tried again before a token comes: an index need not reach every
// issuer that it would trust.
func (s *keySet) warm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetched.IsZero() {
		s.start(inBackground)
	}
}

// refresh starts a fetch where keys are getting old.
func (s *keySet) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fetched.IsZero() && s.age() >= refreshAge {
		s.start(inBackground)
	}
}

// look returns the keys with an id where they may be used, else the fetch to wait for, else nil for both. Keys that are
// getting old start a fetch that nobody waits for.
func (s *keySet) look(kid string) ([]crypto.PublicKey, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := s.usable()[kid]
	if keys == nil || s.age() >= refreshAge {
		s.start(kid)
	}
	if s.age() >= staleAge {
		keys = nil
	}
	return keys, s.flight
}

// settle is the answer once no fetch can help, or none helped in time.
func (s *keySet) settle(kid string) ([]crypto.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	usable := s.usable()
	if keys := usable[kid]; keys != nil {
		return keys, nil
	}
	if s.flight != nil {
		return nil, fault.New(fault.Unavailable,
			"the keys of the issuer %s are still being fetched; try again in a few seconds", s.issuer)
	}
	if usable == nil {
		return nil, fault.Wrap(fault.Unavailable, s.failure,
			"the keys of the issuer %s cannot be fetched at the moment; try again in a minute", s.issuer)
	}
	s.cool()
	return nil, fmt.Errorf("its key id (kid) %s is not among the issuer's keys", show(kid))
}

// usable returns the keys unless they are too old; nil for none. The lock is held.
func (s *keySet) usable() map[string][]crypto.PublicKey {
	if s.fetched.IsZero() || s.age() >= maxAge {
		return nil
	}
	return s.keys
}

func (s *keySet) age() time.Duration { return s.now().Sub(s.fetched) }

// cool begins a cool-down unless one is running. The lock is held.
func (s *keySet) cool() {
	if now := s.now(); !now.Before(s.cooled) {
		s.cooled = now.Add(coolDown)
	}
}

// start begins a fetch unless one is under way or it is too early for another. The lock is held. The fetch outlives the
// request that caused it, because others may be waiting for it.
func (s *keySet) start(kid string) {
	if s.flight != nil || s.now().Before(s.cooled) {
		return
	}
	done := make(chan struct{})
	s.flight = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), fetchBudget)
		defer cancel()
		keys, err := fetchKeys(ctx, s.client, s.issuer)
		s.land(kid, keys, err)
	}()
}

// land takes the result of a fetch. After a failure the last good keys stay.
func (s *keySet) land(kid string, keys map[string][]crypto.PublicKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	s.failure = err
	if err != nil {
		s.log.Log(context.Background(), s.severity(kid), "fetching an issuer's keys failed", "error",
			fmt.Sprintf("%.300v", err))
	} else {
		s.keys, s.fetched = keys, s.now()
	}
	if kid != inBackground && keys[kid] == nil {
		s.cool()
	}
}

// severity is how loud a failed fetch is. One at the start, for an issuer that nobody may ever use, is no news.
func (s *keySet) severity(kid string) slog.Level {
	if kid == inBackground && s.fetched.IsZero() {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// wait reports whether a fetch came to its end within the budget; an error when the caller left before.
func wait(ctx context.Context, flight chan struct{}, budget <-chan time.Time) (landed bool, err error) {
	select {
	case <-flight:
		return true, nil
	case <-budget:
		return false, nil
	case <-ctx.Done():
		return false, fault.Wrap(fault.Unavailable, errors.Join(ctx.Err()), "the request ended before the issuer's keys came")
	}
}
